#include "launcher/file_mapping.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <utility>

#include "core/error.h"
#include "launcher/atomic_file.h"

namespace convoy {

FileMapping::FileMapping(const std::filesystem::path& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw CheckpointError("cannot read {}: {}", path.string(), system_error_text());
  struct stat facts {};
  if (::fstat(file.get(), &facts) != 0) {
    throw CheckpointError("cannot read {}: {}", path.string(), system_error_text());
  }
  if (!S_ISREG(facts.st_mode)) throw CheckpointError("cannot read {}: not a regular file", path.string());
  const auto size = static_cast<std::size_t>(facts.st_size);
  if (size == 0) return;  // an empty mapping is not allowed, and not needed
  void* memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (memory == MAP_FAILED) throw CheckpointError("cannot map {}: {}", path.string(), system_error_text());
  bytes_ = {static_cast<const std::byte*>(memory), size};
}

FileMapping::FileMapping(FileMapping&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

FileMapping& FileMapping::operator=(FileMapping&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

FileMapping::~FileMapping() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace convoy
