#include "launcher/atomic_file.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace convoy {
namespace fs = std::filesystem;
namespace {

/// What the user can do about an error of the system.
std::string advice(const fs::path& path, int code) {
  switch (code) {
    case ENOSPC:
    case EDQUOT: {
      std::error_code ignored;
      const fs::space_info space =
          fs::space(path.parent_path().empty() ? fs::path(".") : path.parent_path(), ignored);
      const auto free = ignored ? 0 : space.available;
      return fmt::format("; {} KB are free there: make room, or choose another place with --run-dir",
                         free / 1024);
    }
    case EFBIG:
      return "; the process's file size is limited (ulimit -f)";
    case EACCES:
    case EPERM:
    case EROFS:
      return "; make it writable, or choose another place with --run-dir";
    default:
      return "";
  }
}

fs::path temporary_beside(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_other(path, ignored))
    throw CheckpointError("cannot write {}: a device, pipe or socket is not replaced; name a file",
                          path.string());
  return path.parent_path() / fmt::format(".{}{}{}", path.filename().string(), kTemporaryMark, ::getpid());
}

}  // namespace

CheckpointError write_error(const fs::path& path) {
  const int code = errno;  // what follows may change it
  return CheckpointError("cannot write {}: {}{}", path.string(), system_error_text(), advice(path, code));
}

OutputFile::OutputFile(fs::path path, fs::path shown)
    : path_(std::move(path)),
      shown_(std::move(shown)),
      file_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
  if (!file_) throw write_error(shown_);
}

void OutputFile::write(std::span<const std::byte> bytes) {
  constexpr std::size_t kMost = std::size_t{1} << 30;  // Linux writes at most 2 GB a call
  while (!bytes.empty()) {
    const ssize_t written = ::write(file_.get(), bytes.data(), std::min(bytes.size(), kMost));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw write_error(shown_);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void OutputFile::close() {
  if (::fsync(file_.get()) != 0) throw write_error(shown_);
  file_ = FileDescriptor();
}

AtomicFile::AtomicFile(fs::path path) : path_(std::move(path)), output_(temporary_beside(path_), path_) {}

AtomicFile::~AtomicFile() {
  if (!committed_) ::unlink(output_.path().c_str());
}

void AtomicFile::commit() {
  output_.close();
  rename_durably(output_.path(), path_);
  committed_ = true;
}

void write_file_atomically(const fs::path& path, std::string_view text) {
  AtomicFile file(path);
  file.output().write(text);
  file.commit();
}

void sync_directory(const fs::path& directory) {
  const fs::path name = directory.empty() ? fs::path(".") : directory;
  const FileDescriptor handle(::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!handle) throw CheckpointError("cannot open the directory {}: {}", name.string(), system_error_text());
  // Some network file systems cannot sync a directory and say so; their renames are durable by themselves.
  if (::fsync(handle.get()) != 0 && errno != EINVAL) throw write_error(name);
}

void rename_durably(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    const std::string words = system_error_text();
    throw CheckpointError("cannot rename {} to {}: {}", from.string(), to.string(), words);
  }
  sync_directory(to.parent_path());
  if (from.parent_path() != to.parent_path()) sync_directory(from.parent_path());
}

}  // namespace convoy
