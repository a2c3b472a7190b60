#pragma once

#include <cstdint>
#include <filesystem>
#include <signal.h>
#include <string>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/temporary_directory.h"

namespace convoy::test {

/// A file system of a few pages in memory, where this process may mount one (root outside most containers).
class TinyDisk {
 public:
  explicit TinyDisk(const char* options = "size=64k,mode=0777") {
    mounted_ = ::mount("tmpfs", directory_.path().c_str(), "tmpfs", 0, options) == 0;
  }
  TinyDisk(const TinyDisk&) = delete;
  TinyDisk& operator=(const TinyDisk&) = delete;
  ~TinyDisk() {
    if (mounted_) ::umount2(directory_.path().c_str(), MNT_DETACH);
  }

  bool mounted() const { return mounted_; }
  const std::filesystem::path& path() const { return directory_.path(); }

 private:
  TemporaryDirectory directory_;
  bool mounted_ = false;
};

/// While it lives, no file of this process grows beyond this size.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(std::uint64_t bytes) : old_handler_(::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &old_limit_);
    const rlimit limit{bytes, old_limit_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &old_limit_);
    ::signal(SIGXFSZ, old_handler_);
  }

 private:
  sighandler_t old_handler_;
  rlimit old_limit_{};
};

/// While it lives, the directory cannot be written to, not even by root (who becomes "nobody").
class UnwritableDirectory {
 public:
  explicit UnwritableDirectory(std::filesystem::path path) : path_(std::move(path)) {
    ::chmod(path_.c_str(), 0555);
    for (auto parent = path_.parent_path(); parent != std::filesystem::temp_directory_path();
         parent = parent.parent_path()) {
      ::chmod(parent.c_str(), 0755);
    }
    was_root_ = ::geteuid() == 0 && ::seteuid(65534) == 0;
  }
  UnwritableDirectory(const UnwritableDirectory&) = delete;
  UnwritableDirectory& operator=(const UnwritableDirectory&) = delete;
  ~UnwritableDirectory() {
    if (was_root_ && ::seteuid(0) != 0) std::abort();
    ::chmod(path_.c_str(), 0755);
  }

 private:
  std::filesystem::path path_;
  bool was_root_ = false;
};

/// The message of the error that `action` throws; "" where it throws none.
template <class Error, class Action>
std::string error_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace convoy::test
