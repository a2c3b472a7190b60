#include "core/data/mapped_file.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

#include "core/error.h"

namespace convoy {

MappedFile::MappedFile(std::string path, const std::string& hint) : path_(std::move(path)) {
  // Without O_NONBLOCK, opening a named pipe would wait for its writer.
  descriptor_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) throw DataError("{}: cannot be opened: {}; {}", path_, std::strerror(errno), hint);
  MappedFile guard;  // closes the descriptor if what follows throws
  std::swap(guard.descriptor_, descriptor_);

  struct stat status {};
  if (::fstat(guard.descriptor_, &status) != 0) {
    throw DataError("{}: cannot be examined: {}; {}", path_, std::strerror(errno), hint);
  }
  if (S_ISDIR(status.st_mode)) throw DataError("{}: is a directory, expected a file; {}", path_, hint);
  if (!S_ISREG(status.st_mode)) throw DataError("{}: is not a regular file; {}", path_, hint);
  if (status.st_size == 0) throw DataError("{}: is empty; {}", path_, hint);

  size_ = static_cast<std::size_t>(status.st_size);
  modified_ = status.st_mtim;
  void* address = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, guard.descriptor_, 0);
  if (address == MAP_FAILED) throw DataError("{}: cannot be mapped: {}", path_, std::strerror(errno));
  data_ = static_cast<const std::uint8_t*>(address);
  ::madvise(address, size_, MADV_WILLNEED);
  std::swap(guard.descriptor_, descriptor_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept { swap(other); }

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  MappedFile taken(std::move(other));
  swap(taken);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::uint8_t*>(data_), size_);
  if (descriptor_ >= 0) ::close(descriptor_);
}

void MappedFile::swap(MappedFile& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(modified_, other.modified_);
}

void MappedFile::verify_unchanged() const {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) {
    throw DataError("{}: cannot be examined any more: {}", path_, std::strerror(errno));
  }
  if (static_cast<std::size_t>(status.st_size) != size_) {
    throw DataError("{}: has {} bytes now, had {} when it was opened; restore the file and resume", path_,
                    status.st_size, size_);
  }
  if (status.st_mtim.tv_sec != modified_.tv_sec || status.st_mtim.tv_nsec != modified_.tv_nsec) {
    throw DataError("{}: was written to while in use; make sure that nothing changes it and resume", path_);
  }
}

}  // namespace convoy
