#include "launcher/early_stopping.h"

#include <algorithm>
#include <cmath>

namespace convoy {

bool is_better(config::Monitor monitor, double value, double best, double min_delta) {
  if (std::isnan(best)) return !std::isnan(value);
  const bool smaller = monitor == config::Monitor::loss || monitor == config::Monitor::val_loss;
  return smaller ? value < best - min_delta : value > best + min_delta;
}

std::optional<double> value_of(config::Monitor monitor, const MetricsEvent& epoch) {
  const auto found = epoch.find(std::string(config::name_of_value(monitor)));
  if (found == epoch.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

bool is_exhausted(const config::EarlyStopping& options, std::int64_t epochs_without_improvement) {
  return epochs_without_improvement >= std::max<std::int64_t>(options.patience, 1);
}

EarlyStopping::EarlyStopping(const config::EarlyStopping& options, const Model& model, bool keeps_weights)
    : options_(options), model_(model), keeps_weights_(keeps_weights && options.restore_best_weights) {}

void EarlyStopping::observe(const MetricsEvent& figures, std::int64_t epoch, const TrainingState& training) {
  const auto value = value_of(options_.monitor, figures);
  if (!value) return;
  if (state_ && !is_better(options_.monitor, *value, state_->best, options_.min_delta)) {
    ++state_->epochs_without_improvement;
    return;
  }
  state_ = EarlyStoppingState{std::string(config::name_of_value(options_.monitor)), *value, epoch, 0};
  if (!keeps_weights_) return;
  if (!best_) best_ = std::make_unique<Generation>(model_, 0);
  best_->copy_weights(training.current());
}

void EarlyStopping::observe_failure() {
  if (state_) ++state_->epochs_without_improvement;
}

bool EarlyStopping::should_stop() const {
  return state_ && is_exhausted(options_, state_->epochs_without_improvement);
}

bool EarlyStopping::can_restore(const EarlyStoppingState& state) const {
  return state.metric == config::name_of_value(options_.monitor) && (!keeps_weights_ || best_);
}

std::vector<StoredTensor> EarlyStopping::best_weights() const {
  return best_ ? weights_of(model_, *best_) : std::vector<StoredTensor>{};
}

void EarlyStopping::load_best_weights(const SafetensorsFile& file) {
  if (!keeps_weights_) return;
  best_ = std::make_unique<Generation>(model_, 0);
  read_weights(file, model_, *best_);
}

void EarlyStopping::give_back(TrainingState& training) const {
  if (best_) training.current().copy_weights(*best_);
}

}  // namespace convoy
