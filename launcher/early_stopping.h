#pragma once

#include <memory>
#include <optional>

#include "core/config/experiment.h"
#include "launcher/checkpoint.h"
#include "launcher/training_state.h"

namespace convoy {

/// Whether `value` beats `best` by more than `min_delta`: a smaller loss, a larger accuracy. NaN beats
/// nothing, and nothing but another NaN fails to beat NaN.
bool is_better(config::Monitor monitor, double value, double best, double min_delta = 0);

/// The monitored metric in an epoch's figures; nothing where they have none.
std::optional<double> value_of(config::Monitor monitor, const MetricsEvent& epoch);

/// Whether so many epochs without improvement end the training.
bool is_exhausted(const config::EarlyStopping& options, std::int64_t epochs_without_improvement);

/// Ends a training whose monitored metric has stopped improving, as Keras' callback does: after `patience`
/// epochs (at least one) without improvement. Every rank decides alike; the weights of the best epoch are
/// kept where `keeps_weights`.
class EarlyStopping {
 public:
  /// The model must outlive this.
  EarlyStopping(const config::EarlyStopping& options, const Model& model, bool keeps_weights);

  /// Looks at a finished epoch.
  void observe(const MetricsEvent& figures, std::int64_t epoch, const TrainingState& training);
  /// An epoch that ended with weights of no use, so without improvement whatever its figures say.
  void observe_failure();
  bool should_stop() const;
  std::int64_t best_epoch() const { return state_->best_epoch; }

  /// What a checkpoint keeps: the state, nothing before the first epoch, and the best epoch's weights, empty
  /// where there are none.
  const std::optional<EarlyStoppingState>& state() const { return state_; }
  std::vector<StoredTensor> best_weights() const;
  /// Whether a state counts here: only for the same metric, and with the best epoch's weights, loaded before,
  /// where they are to be kept.
  bool can_restore(const EarlyStoppingState& state) const;
  void restore(const std::optional<EarlyStoppingState>& state) { state_ = state; }
  /// Throws CheckpointError.
  void load_best_weights(const SafetensorsFile& file);

  /// Whether there are weights to give back; every rank answers alike, also those that do not keep them.
  bool gives_back() const { return options_.restore_best_weights && state_; }
  /// Makes the best epoch's weights, where they are kept, the current ones.
  void give_back(TrainingState& training) const;

 private:
  const config::EarlyStopping options_;
  const Model& model_;
  bool keeps_weights_;
  std::optional<EarlyStoppingState> state_;
  std::unique_ptr<Generation> best_;
};

}  // namespace convoy
