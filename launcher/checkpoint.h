#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "launcher/fingerprint.h"
#include "launcher/metrics_writer.h"
#include "launcher/safetensors.h"

namespace convoy {

/// The best value so far of the metric that `checkpoint.best` names.
struct BestResult {
  std::string metric;  ///< "val_accuracy"
  double value = 0;
  TrainingCursor cursor;

  friend bool operator==(const BestResult&, const BestResult&) = default;
};

struct EarlyStoppingState {
  std::string metric;  ///< "val_loss"
  double best = 0;
  std::int64_t best_epoch = 0;
  std::int64_t epochs_without_improvement = 0;

  friend bool operator==(const EarlyStoppingState&, const EarlyStoppingState&) = default;
};

/// What a checkpoint says besides its tensors. Nothing in it depends on the number of ranks or threads.
/// Doubles come back with the same bits, those that are not finite included.
struct CheckpointState {
  TrainingCursor cursor;
  std::string config_hash;  ///< of the keys that decide bits
  std::string data_sha256;  ///< of the training split
  NumericsFingerprint fingerprint;
  std::optional<BestResult> best;
  std::optional<EarlyStoppingState> early_stopping;
  MetricsPosition metrics;  ///< where metrics.jsonl is cut back to on resuming
  std::map<std::string, double>
      epoch_totals;  ///< running sums of the epoch under way: "loss", "correct", "top5", "samples"

  friend bool operator==(const CheckpointState&, const CheckpointState&) = default;
};

/// One safetensors file of a checkpoint. The trainer writes "weights" (parameters and statistics,
/// `conv2d/kernel`) and "optimizer" (whole moments, never a rank's part: `conv2d/kernel/m`).
struct TensorFile {
  std::string name;  ///< without ".safetensors"
  std::vector<StoredTensor> tensors;
};

/// A checkpoint whose every byte has been verified.
class Checkpoint {
 public:
  /// Throws CheckpointError that names the file and says what is damaged.
  explicit Checkpoint(std::filesystem::path directory);

  const std::filesystem::path& directory() const { return directory_; }
  const CheckpointState& state() const { return state_; }
  bool has(const std::string& name) const { return files_.contains(name); }
  /// Throws CheckpointError where the checkpoint has no such file.
  const SafetensorsFile& file(const std::string& name) const;

 private:
  std::filesystem::path directory_;
  CheckpointState state_;
  std::map<std::string, SafetensorsFile> files_;
};

/// Throws ConfigError where `directory`, which --resume names, is no checkpoint.
void require_checkpoint(const std::filesystem::path& directory);

/// Writes `<checkpoints>/step-N/`, N the cursor's global step: into a directory beside it, everything synced,
/// renamed, so that a checkpoint is whole or absent whenever the machine stops. One of the same step is
/// replaced. Returns its path. Throws CheckpointError and leaves nothing behind.
std::filesystem::path save_checkpoint(const std::filesystem::path& checkpoints, const CheckpointState& state,
                                      std::span<const TensorFile> files);

/// Takes a complaint for the user.
using Warn = std::function<void(const std::string&)>;

/// The whole checkpoint of the highest step; each damaged one above it is reported with the reason and
/// skipped.
std::optional<Checkpoint> newest_whole_checkpoint(const std::filesystem::path& checkpoints, const Warn& warn);

/// Removes all but the `keep` newest checkpoints up to step `newest`, which was just saved, and but that of
/// step `proven`: those above `newest` are damaged, or of a future that was given up by going on from an
/// earlier state. One that cannot be removed is reported. A checkpoint vanishes at once, never by halves.
void prune_checkpoints(const std::filesystem::path& checkpoints, std::int64_t keep, std::int64_t newest,
                       std::optional<std::int64_t> proven, const Warn& warn);

/// Removes what an interrupted save or prune left behind, and finishes an interrupted replacement. The caller
/// holds the run directory's lock.
void clean_checkpoints(const std::filesystem::path& checkpoints, const Warn& warn);

/// The steps for which there is a checkpoint, whole or not, ascending.
std::vector<std::int64_t> checkpoint_steps(const std::filesystem::path& checkpoints);
std::filesystem::path checkpoint_path(const std::filesystem::path& checkpoints, std::int64_t step);

}  // namespace convoy
