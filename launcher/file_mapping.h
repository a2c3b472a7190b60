#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace convoy {

/// A whole file, readable as memory. Files that Convoy reads this way are only ever replaced by renaming,
/// never shortened in place. Throws CheckpointError naming the file and the system's words.
class FileMapping {
 public:
  explicit FileMapping(const std::filesystem::path& path);
  FileMapping(FileMapping&& other) noexcept;
  FileMapping& operator=(FileMapping&& other) noexcept;
  ~FileMapping();

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace convoy
