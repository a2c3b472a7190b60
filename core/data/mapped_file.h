#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <sys/stat.h>

namespace convoy {

/// A whole regular file, mapped read-only.
///
/// The size is checked once, when the file is opened. Should the file shrink while it is mapped, the kernel
/// answers a read past its new end with SIGBUS, or, inside the last page, with zeros. verify_unchanged()
/// finds both, and is called before results that rest on the data are kept; launcher/bus_error.h turns SIGBUS
/// itself into a message.
class MappedFile {
 public:
  MappedFile() = default;
  /// Throws DataError, ending with `hint` (what to do), for a file that is missing, unreadable, empty, or not
  /// a regular file.
  MappedFile(std::string path, const std::string& hint);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  const std::string& path() const { return path_; }
  std::span<const std::uint8_t> bytes() const { return {data_, size_}; }
  /// Throws DataError if the file has another size or modification time than when it was opened.
  void verify_unchanged() const;

 private:
  void swap(MappedFile& other) noexcept;

  std::string path_;
  int descriptor_ = -1;
  const std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
  struct timespec modified_ {};
};

}  // namespace convoy
