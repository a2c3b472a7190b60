#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/data/mapped_file.h"
#include "core/error.h"
#include "launcher/atomic_file.h"

namespace convoy {

// The safetensors format (https://github.com/huggingface/safetensors): 8 bytes with the header's length,
// little-endian; a JSON header padded with spaces; the tensors' bytes, little-endian, row-major, without
// gaps.

/// The element types that Convoy stores, out of the format's many.
enum class StoredType : std::uint8_t { float32, float64, int64, uint8 };

std::size_t size_of(StoredType type);
/// The format's own word: "F32", "F64", "I64", "U8".
std::string_view format_name(StoredType type);
template <class T>
inline constexpr StoredType stored_type_of = StoredType::float32;
template <>
inline constexpr StoredType stored_type_of<double> = StoredType::float64;
template <>
inline constexpr StoredType stored_type_of<std::int64_t> = StoredType::int64;
template <>
inline constexpr StoredType stored_type_of<std::uint8_t> = StoredType::uint8;

/// A tensor in memory that someone else owns.
struct StoredTensor {
  std::string name;  ///< "conv2d/kernel"
  StoredType type = StoredType::float32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;

  std::int64_t elements() const { return static_cast<std::int64_t>(bytes.size() / size_of(type)); }
};

template <class T>
StoredTensor stored_tensor(std::string name, std::span<const std::int64_t> shape, std::span<const T> values) {
  return {std::move(name), stored_type_of<T>, {shape.begin(), shape.end()}, std::as_bytes(values)};
}

/// What a safetensors file says about itself, next to its tensors.
using Metadata = std::map<std::string, std::string>;

struct WrittenFile {
  std::uint64_t bytes = 0;
  std::string sha256;
};

/// Writes tensors in the given order (those of wider types first, so that each is aligned) without copying
/// them. Throws DefectError for duplicate names or sizes that do not fit their shapes, CheckpointError where
/// writing fails.
WrittenFile write_safetensors(OutputFile& file, std::span<const StoredTensor> tensors,
                              const Metadata& metadata = {});
/// The same as a file that appears whole or not at all.
WrittenFile save_safetensors(const std::filesystem::path& path, std::span<const StoredTensor> tensors,
                             const Metadata& metadata = {});

/// A safetensors file mapped into memory. The constructor checks everything that the format promises (sizes,
/// offsets, overlaps, gaps, types, duplicate names, trailing bytes) and throws CheckpointError that names the
/// file, the tensor and what is wrong; nothing read later can leave the file.
class SafetensorsFile {
 public:
  /// The format's own bound on headers.
  static constexpr std::uint64_t kMostHeaderBytes = 100'000'000;

  explicit SafetensorsFile(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  /// In the order of their bytes in the file.
  const std::vector<StoredTensor>& tensors() const& { return tensors_; }
  void tensors() && = delete;  // they would outlive the mapping
  const Metadata& metadata() const { return metadata_; }
  /// nullptr where no tensor has this name.
  const StoredTensor* find(std::string_view name) const;

  /// Copies a tensor; its type and shape must be what the caller expects. Throws CheckpointError with both
  /// sides.
  template <class T>
  void read(std::string_view name, std::span<const std::int64_t> shape, std::span<T> values) const {
    read_bytes(name, stored_type_of<T>, shape, std::as_writable_bytes(values));
  }

 private:
  void read_bytes(std::string_view name, StoredType type, std::span<const std::int64_t> shape,
                  std::span<std::byte> values) const;

  std::filesystem::path path_;
  MappedFile file_;
  std::vector<StoredTensor> tensors_;
  std::map<std::string, std::size_t, std::less<>> index_;
  Metadata metadata_;
};

}  // namespace convoy
