#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "core/config/experiment.h"
#include "launcher/atomic_file.h"
#include "launcher/metrics_writer.h"

namespace convoy {

/// Where a run keeps what.
struct RunPaths {
  std::filesystem::path directory;

  std::filesystem::path resolved_config() const { return directory / "resolved.yaml"; }
  std::filesystem::path metrics() const { return directory / "metrics.jsonl"; }
  std::filesystem::path log() const { return directory / "log.txt"; }
  std::filesystem::path failure() const { return directory / "failure.json"; }
  std::filesystem::path checkpoints() const { return directory / "checkpoints"; }
  std::filesystem::path best_weights() const { return directory / "best.safetensors"; }
  std::filesystem::path final_weights() const { return directory / "final.safetensors"; }
  std::filesystem::path lock() const { return directory / "lock"; }
};

/// The `end` event of a run that is done; nothing for one that can go on.
std::optional<MetricsEvent> end_of_run(const RunPaths& paths);

/// A run directory that this process alone writes to, until it is destroyed or the process dies. Rank 0 holds
/// it.
class RunDirectory {
 public:
  /// Opens the directory, or creates it with its parents. `afresh` (`--resume never`) first moves a run that
  /// is there to
  /// `<directory>.old-1`, or the next free number. Removes half-written files of a run that was killed. A
  /// file system that cannot lock is reported to `warn`. Throws ConfigError where it cannot be created, holds
  /// files of something else, or another process has it.
  RunDirectory(std::filesystem::path directory, bool afresh,
               const std::function<void(const std::string&)>& warn);

  const RunPaths& paths() const { return paths_; }
  /// True where no run has begun here. Throws ConfigError where one has, but its resolved.yaml is missing.
  bool is_new() const;
  /// Undoes the opening, where it began a run: removes the files of that run and what was made for them, and
  /// puts a run that was moved aside back. False, and nothing done, where a run was here before.
  bool discard() noexcept;
  /// Where the run that was here lies now.
  const std::optional<std::filesystem::path>& moved_aside() const { return moved_aside_; }

 private:
  RunPaths paths_;
  bool created_ = false;  ///< the directory, by this object
  bool begun_ = false;    ///< nothing was in it
  FileDescriptor lock_;
  std::optional<std::filesystem::path> moved_aside_;
};

/// Checks that a run may go on with a config. Throws ConfigError that lists the keys that decide other bits
/// than the run's resolved.yaml, and says what to do instead.
void require_same_config(const RunPaths& paths, std::span<const config::Difference> differences);

}  // namespace convoy
