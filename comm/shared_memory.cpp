#include "comm/shared_memory.h"

#include <cerrno>
#include <chrono>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "core/error.h"

namespace convoy {

namespace {

constexpr const char* kDirectory = "/dev/shm";  // where the C library keeps what shm_open() makes

std::string beginning_of_name(std::string_view kind) { return fmt::format("convoy.{}.{}.", geteuid(), kind); }

/// For a call that has left its reason in errno.
[[noreturn]] void fail(const char* call, const std::string& name) {
  throw DeviceError("no shared memory: {} of {}{}: {}", call, kDirectory, name, system_error_text());
}

/// A cleaner may have taken the name away between shm_open() and flock().
bool has_name(int file) {
  struct stat facts {};
  return fstat(file, &facts) == 0 && facts.st_nlink > 0;
}

void remove_if_stale(const std::string& name) {
  const FileDescriptor file(shm_open(name.c_str(), O_RDWR, 0));
  if (file && flock(file.get(), LOCK_EX | LOCK_NB) == 0) shm_unlink(name.c_str());
}

}  // namespace

SharedMemory::SharedMemory(std::string name, FileDescriptor file, bool created)
    : name_(std::move(name)), file_(std::move(file)), named_(created) {}

SharedMemory SharedMemory::create(std::string_view kind, std::size_t bytes) {
  for (;;) {
    const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
    const std::string name = fmt::format("/{}{}.{}", beginning_of_name(kind), getpid(), now);
    FileDescriptor file(shm_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600));
    if (!file && errno == EEXIST) continue;
    if (!file) fail("shm_open", name);
    SharedMemory memory(name, std::move(file), true);
    if (flock(memory.file_.get(), LOCK_SH) != 0) fail("flock", name);
    if (!has_name(memory.file_.get())) continue;
    if (ftruncate(memory.file_.get(), static_cast<off_t>(bytes)) != 0) fail("ftruncate", name);
    memory.map(bytes);
    return memory;
  }
}

SharedMemory SharedMemory::open(const std::string& name, std::size_t bytes) {
  FileDescriptor file(shm_open(name.c_str(), O_RDWR, 0));
  if (!file) fail("shm_open", name);
  SharedMemory memory(name, std::move(file), false);
  if (flock(memory.file_.get(), LOCK_SH) != 0) fail("flock", name);
  struct stat facts {};
  if (fstat(memory.file_.get(), &facts) != 0) fail("fstat", name);
  if (facts.st_size != static_cast<off_t>(bytes))
    throw DeviceError("no shared memory: {}{} has {} bytes instead of {}", kDirectory, name, facts.st_size,
                      bytes);
  memory.map(bytes);
  return memory;
}

void SharedMemory::map(std::size_t bytes) {
  void* place = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0);
  if (place == MAP_FAILED) fail("mmap", name_);
  data_ = static_cast<std::byte*>(place);
  size_ = bytes;
}

void SharedMemory::reserve(std::size_t begin, std::size_t bytes) {
  require(begin + bytes <= size_, "shared memory is reserved beyond its end");
  do {
    errno = posix_fallocate(file_.get(), static_cast<off_t>(begin), static_cast<off_t>(bytes));
  } while (errno == EINTR);
  if (errno != 0) fail(fmt::format("posix_fallocate({} MiB)", (bytes >> 20) + 1).c_str(), name_);
}

void SharedMemory::unlink() noexcept {
  if (std::exchange(named_, false)) shm_unlink(name_.c_str());
}

SharedMemory::SharedMemory(SharedMemory&& other) noexcept
    : name_(std::move(other.name_)),
      file_(std::move(other.file_)),
      named_(std::exchange(other.named_, false)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

SharedMemory::~SharedMemory() {
  unlink();
  if (data_) munmap(data_, size_);
}

void SharedMemory::remove_stale(std::string_view kind) noexcept {
  const std::string beginning = beginning_of_name(kind);
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(kDirectory), closedir);
  if (!directory) return;
  while (const dirent* entry = readdir(directory.get()))
    if (std::string_view(entry->d_name).starts_with(beginning))
      remove_if_stale(std::string("/") + entry->d_name);
}

}  // namespace convoy
