#include "launcher/run_directory.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "core/error.h"
#include "core/host.h"

namespace convoy {
namespace fs = std::filesystem;
namespace {

/// Without a slash at its end, so that names beside it can be made.
fs::path normal(const fs::path& directory) {
  const fs::path path = directory.lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

std::vector<std::string> names_in(const fs::path& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    names.push_back(entry.path().filename().string());
  }
  if (error)
    throw ConfigError("cannot list {}: {}; choose another --run-dir", directory.string(), error.message());
  return names;
}

/// Whether it was not there before.
bool create(const fs::path& directory) {
  std::error_code error;
  const bool created = fs::create_directories(directory, error);
  if (error) {
    throw ConfigError("cannot create the run directory {}: {}; choose another with --run-dir",
                      directory.string(), error.message());
  }
  return created;
}

/// A directory of the user's own files is no place for a run.
void require_own(const RunPaths& paths) {
  if (fs::exists(paths.lock()) || fs::exists(paths.resolved_config()) || names_in(paths.directory).empty())
    return;
  throw ConfigError("{} holds files but no run; choose an empty or new directory with --run-dir",
                    paths.directory.string());
}

std::string holder_of(const FileDescriptor& lock) {
  std::array<char, 256> text{};
  const ssize_t size = ::pread(lock.get(), text.data(), text.size(), 0);
  std::string holder(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  while (!holder.empty() && holder.back() == '\n') holder.pop_back();
  return holder.empty() ? "another process" : holder;
}

void write_holder(const FileDescriptor& lock, const fs::path& path) {
  const std::string text = fmt::format("process {} on {}\n", ::getpid(), host_name());
  if (::ftruncate(lock.get(), 0) != 0 ||
      ::pwrite(lock.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    throw write_error(path);
  }
}

bool is_file_at(const FileDescriptor& file, const fs::path& path) {
  struct stat own {};
  struct stat named {};
  return ::fstat(file.get(), &own) == 0 && ::stat(path.c_str(), &named) == 0 && own.st_dev == named.st_dev &&
         own.st_ino == named.st_ino;
}

/// The lock of the directory; empty where someone moved the directory aside in the meantime.
FileDescriptor take_lock(const RunPaths& paths, const std::function<void(const std::string&)>& warn) {
  const fs::path path = paths.lock();
  FileDescriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!lock) {
    throw ConfigError("cannot write to the run directory {}: {}; choose another with --run-dir",
                      paths.directory.string(), system_error_text());
  }
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      throw ConfigError("the run directory {} is in use by {}; wait for it, or choose another with --run-dir",
                        paths.directory.string(), holder_of(lock));
    }
    warn(fmt::format("cannot lock {} ({}): make sure that no second process trains there", path.string(),
                     system_error_text()));
  }
  if (!is_file_at(lock, path)) return {};
  write_holder(lock, path);
  return lock;
}

fs::path free_name_beside(const fs::path& directory) {
  for (int number = 1;; ++number) {
    fs::path name = directory.string() + fmt::format(".old-{}", number);
    if (!fs::exists(fs::symlink_status(name))) return name;
  }
}

void remove_half_written(const fs::path& directory) {
  for (const std::string& name : names_in(directory)) {
    if (!name.starts_with('.') || name.find(kTemporaryMark) == std::string::npos) continue;
    std::error_code ignored;  // it only takes room
    fs::remove(directory / name, ignored);
  }
}

}  // namespace

std::optional<MetricsEvent> end_of_run(const RunPaths& paths) {
  if (!fs::exists(paths.final_weights())) return {};
  auto events = read_metrics(paths.metrics());
  if (events.empty() || events.back()["event"] != "end") return {};
  return std::move(events.back());
}

RunDirectory::RunDirectory(fs::path directory, bool afresh,
                           const std::function<void(const std::string&)>& warn)
    : paths_{normal(directory)} {
  FileDescriptor lock_of_old_run;
  while (!lock_) {
    created_ = create(paths_.directory);
    require_own(paths_);
    lock_ = take_lock(paths_, warn);
    const bool move = lock_ && afresh && !moved_aside_ && names_in(paths_.directory).size() > 1;
    if (!move) continue;
    moved_aside_ = free_name_beside(paths_.directory);
    rename_durably(paths_.directory, *moved_aside_);
    lock_of_old_run = std::move(lock_);
    lock_ = FileDescriptor();
  }
  remove_half_written(paths_.directory);
  begun_ = names_in(paths_.directory).size() == 1;  // the lock
}

bool RunDirectory::discard() noexcept {
  if (!begun_) return false;
  std::error_code ignored;  // a few small files may stay
  for (const fs::path& file : {paths_.resolved_config(), paths_.log(), paths_.failure(), paths_.lock()})
    fs::remove(file, ignored);
  if (created_) fs::remove(paths_.directory, ignored);
  if (moved_aside_) fs::rename(*moved_aside_, paths_.directory, ignored);
  return true;
}

bool RunDirectory::is_new() const {
  if (fs::exists(paths_.resolved_config())) return false;
  if (fs::exists(paths_.metrics()) || fs::exists(paths_.checkpoints()))
    throw ConfigError(
        "{} holds a run without its resolved.yaml, so what it was trained with is not known; bring that file "
        "back, or start again with --resume never, which keeps the run aside",
        paths_.directory.string());
  return true;
}

void require_same_config(const RunPaths& paths, std::span<const config::Difference> differences) {
  std::string list;
  for (const config::Difference& change : differences) {
    if (change.effect != config::Effect::decides) continue;
    list += fmt::format("\n  {}: {} -> {}", change.key, change.before, change.after);
  }
  if (list.empty()) return;
  throw ConfigError(
      "{} belongs to another config:{}\nchoose another directory with --run-dir, or start again with "
      "--resume never, "
      "which keeps the old run as {}",
      paths.directory.string(), list, free_name_beside(paths.directory).string());
}

}  // namespace convoy
