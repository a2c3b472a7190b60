#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "launcher/atomic_file.h"

namespace convoy {

/// Where a training stands.
struct TrainingCursor {
  std::int64_t epoch = 0;          ///< whole epochs done
  std::int64_t step_in_epoch = 0;  ///< steps done of the epoch under way
  std::int64_t global_step = 0;    ///< steps done in all

  friend bool operator==(const TrainingCursor&, const TrainingCursor&) = default;
};

/// A place in metrics.jsonl, between two lines.
struct MetricsPosition {
  std::int64_t lines = 0;
  std::int64_t bytes = 0;

  friend bool operator==(const MetricsPosition&, const MetricsPosition&) = default;
};

/// An event's fields in the order in which they are written. Numbers that are not finite become null.
using MetricsEvent = nlohmann::ordered_json;

/// Appends events to metrics.jsonl, one object a line, `event` first. A line reaches the system with one
/// write, so that a reader that follows the file, and a process that dies, never see half of one. Throws
/// CheckpointError; a line that could not be written whole is taken back.
class MetricsWriter {
 public:
  /// Appends to what is there, or creates the file. What follows the last whole line is cut off.
  explicit MetricsWriter(std::filesystem::path path);

  /// {"event": name, fields…}; `fields` is an object.
  void write(std::string_view name, const MetricsEvent& fields);
  /// Waits until everything written is on the disk: before a checkpoint records position().
  void sync();
  MetricsPosition position() const { return position_; }

 private:
  std::filesystem::path path_;
  FileDescriptor file_;
  MetricsPosition position_;
};

/// Cuts metrics.jsonl back to where a checkpoint was taken, so that the steps done again are not written
/// twice. Where the file does not have that position any more (it was edited, or is an older copy), cuts in
/// front of the first `step` beyond the cursor, the first `epoch` not done (epochs count from 1) or the
/// `end`, and at a damaged line. A missing file is fine. Returns false if the recorded position could not be
/// used.
bool cut_metrics(const std::filesystem::path& path, const MetricsPosition& position,
                 const TrainingCursor& cursor);

/// All whole lines, oldest first; a last line without its end is left out, a missing file has none. Throws
/// CheckpointError naming file and line for anything else that is no event.
std::vector<MetricsEvent> read_metrics(const std::filesystem::path& path);

}  // namespace convoy
