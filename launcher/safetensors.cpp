#include "launcher/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <set>

#include "launcher/hash.h"
#include "launcher/safetensors_header.h"

namespace convoy {
namespace fs = std::filesystem;
namespace {

static_assert(std::endian::native == std::endian::little,
              "tensors are stored in the memory's own byte order");

struct TypeFacts {
  StoredType type;
  std::string_view name;
  std::size_t size;
};
constexpr TypeFacts kTypes[] = {{StoredType::float32, "F32", 4},
                                {StoredType::float64, "F64", 8},
                                {StoredType::int64, "I64", 8},
                                {StoredType::uint8, "U8", 1}};

const TypeFacts& facts_of(StoredType type) { return kTypes[static_cast<std::size_t>(type)]; }

/// The bytes of a tensor of this shape; nothing where they exceed 64 bits.
std::optional<std::uint64_t> byte_count(StoredType type, std::span<const std::int64_t> shape) {
  std::uint64_t bytes = size_of(type);
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
  for (const std::int64_t extent : shape) {
    if (extent < 0 || __builtin_mul_overflow(bytes, static_cast<std::uint64_t>(extent), &bytes)) return {};
  }
  return bytes;
}

std::string shape_text(std::span<const std::int64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

std::vector<const StoredTensor*> by_alignment(std::span<const StoredTensor> tensors) {
  std::vector<const StoredTensor*> order;
  std::set<std::string_view> names{"__metadata__"};
  for (const StoredTensor& tensor : tensors) {
    require(names.insert(tensor.name).second, "two stored tensors share a name");
    require(byte_count(tensor.type, tensor.shape) == tensor.bytes.size(),
            "a stored tensor's size fits its shape");
    order.push_back(&tensor);
  }
  std::ranges::stable_sort(order, std::greater(),
                           [](const StoredTensor* tensor) { return size_of(tensor->type); });
  return order;
}

std::string header_text(std::span<const StoredTensor* const> order, const Metadata& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t offset = 0;
  for (const StoredTensor* tensor : order) {
    const std::uint64_t end = offset + tensor->bytes.size();
    header[tensor->name] = {
        {"dtype", format_name(tensor->type)}, {"shape", tensor->shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

}  // namespace

std::size_t size_of(StoredType type) { return facts_of(type).size; }
std::string_view format_name(StoredType type) { return facts_of(type).name; }

WrittenFile write_safetensors(OutputFile& file, std::span<const StoredTensor> tensors,
                              const Metadata& metadata) {
  const auto order = by_alignment(tensors);
  const std::string header = header_text(order, metadata);
  require(header.size() <= SafetensorsFile::kMostHeaderBytes, "a safetensors header fits the format's bound");
  Sha256 hash;
  WrittenFile written;
  const auto put = [&](std::span<const std::byte> bytes) {
    file.write(bytes);
    hash.update(bytes);
    written.bytes += bytes.size();
  };
  const std::uint64_t length = header.size();
  put(std::as_bytes(std::span(&length, 1)));
  put(std::as_bytes(std::span(header)));
  for (const StoredTensor* tensor : order) put(tensor->bytes);
  written.sha256 = hash.hex();
  return written;
}

WrittenFile save_safetensors(const fs::path& path, std::span<const StoredTensor> tensors,
                             const Metadata& metadata) {
  AtomicFile file(path);
  WrittenFile written = write_safetensors(file.output(), tensors, metadata);
  file.commit();
  return written;
}

namespace {

/// The header's text, its length checked against the file's.
std::string_view header_of(std::span<const std::byte> file) {
  std::uint64_t length = 0;
  if (file.size() < sizeof(length))
    throw CheckpointError("only {} bytes long: too short for a header", file.size());
  std::memcpy(&length, file.data(), sizeof(length));
  const std::uint64_t rest = file.size() - sizeof(length);
  if (length > SafetensorsFile::kMostHeaderBytes || length > rest) {
    throw CheckpointError(
        "announces a header of {} bytes, and {} bytes follow: truncated, or no safetensors file", length,
        rest);
  }
  return {reinterpret_cast<const char*>(file.data()) + sizeof(length), static_cast<std::size_t>(length)};
}

StoredTensor checked_tensor(HeaderEntry& entry, std::uint64_t expected_offset,
                            std::span<const std::byte> data) {
  const auto [begin, end] = entry.offsets;
  const auto facts = std::ranges::find(kTypes, entry.type, &TypeFacts::name);
  if (facts == std::end(kTypes)) {
    throw CheckpointError("tensor {}: elements of type {}; Convoy reads F32, F64, I64 and U8",
                          quoted_name(entry.name), quoted_name(entry.type));
  }
  if (begin > end || end > data.size()) {
    throw CheckpointError("tensor {}: bytes {} to {} of {}: truncated, or a wrong offset",
                          quoted_name(entry.name), begin, end, data.size());
  }
  if (begin != expected_offset) {
    throw CheckpointError("tensor {}: begins at byte {}, the one before it ends at {}: tensors {}",
                          quoted_name(entry.name), begin, expected_offset,
                          begin < expected_offset ? "overlap" : "leave a gap");
  }
  if (byte_count(facts->type, entry.shape) != end - begin) {
    throw CheckpointError("tensor {}: {} bytes do not hold {} elements of type {}", quoted_name(entry.name),
                          end - begin, shape_text(entry.shape), entry.type);
  }
  return {std::move(entry.name), facts->type, std::move(entry.shape),
          data.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin))};
}

std::vector<StoredTensor> checked_tensors(Header& header, std::span<const std::byte> data) {
  std::ranges::stable_sort(header.entries, {}, &HeaderEntry::offsets);
  std::vector<StoredTensor> tensors;
  std::uint64_t offset = 0;
  for (HeaderEntry& entry : header.entries) {
    tensors.push_back(checked_tensor(entry, offset, data));
    offset = entry.offsets[1];
  }
  if (offset != data.size()) {
    throw CheckpointError("{} bytes after the last tensor belong to none", data.size() - offset);
  }
  return tensors;
}

}  // namespace

SafetensorsFile::SafetensorsFile(const fs::path& path) : path_(path), file_(map_checkpoint_file(path)) {
  try {
    const auto bytes = std::as_bytes(file_.bytes());
    const std::string_view text = header_of(bytes);
    Header header = parse_safetensors_header(text);
    tensors_ = checked_tensors(header, bytes.subspan(sizeof(std::uint64_t) + text.size()));
    metadata_ = std::move(header.metadata);
  } catch (const CheckpointError& error) {
    throw CheckpointError("{}: {}", path.string(), error.what());
  }
  for (std::size_t i = 0; i < tensors_.size(); ++i) index_.emplace(tensors_[i].name, i);
}

const StoredTensor* SafetensorsFile::find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

void SafetensorsFile::read_bytes(std::string_view name, StoredType type, std::span<const std::int64_t> shape,
                                 std::span<std::byte> values) const {
  const StoredTensor* tensor = find(name);
  if (tensor == nullptr) throw CheckpointError("{}: holds no tensor {}", path_.string(), quoted_name(name));
  if (tensor->type != type || !std::ranges::equal(tensor->shape, shape)) {
    throw CheckpointError("{}: tensor {} is {} {}, the model has {} {}", path_.string(), quoted_name(name),
                          format_name(tensor->type), shape_text(tensor->shape), format_name(type),
                          shape_text(shape));
  }
  require(values.size() == tensor->bytes.size(), "a tensor's destination fits its shape");
  if (!values.empty()) std::memcpy(values.data(), tensor->bytes.data(), values.size());
}

}  // namespace convoy
