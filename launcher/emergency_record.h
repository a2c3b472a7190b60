#pragma once

#include <string>

#include "core/error.h"
#include "launcher/run_directory.h"
#include "launcher/watchdog.h"

namespace convoy {

/// Leaves why a process ends in its run directory, from a signal handler: what may be needed is prepared
/// here, and write() makes only calls that POSIX has async-signal-safe.
class EmergencyRecord {
 public:
  /// The watchdog must outlive the record.
  EmergencyRecord(const RunPaths& paths, int rank, const Watchdog& watchdog);

  /// Writes failure.json as write_failure() would, except that one that is there stays whatever it says, and
  /// adds a line to log.txt. Where the run directory is not this host's to see, it writes nothing. `message`:
  /// at most some 4 KiB, without an end of line.
  void write(ExitCode code, const char* message) const noexcept;

 private:
  void write_failure_file(ExitCode code, const char* message) const noexcept;
  void append_log_line(const char* message) const noexcept;

  const Watchdog& watchdog_;
  int rank_;
  long utc_offset_;  ///< of the local time, in seconds
  std::string failure_, temporary_, log_;
  std::string who_;  ///< of failure.json: the lines of the rank and its host
};

}  // namespace convoy
