#include <algorithm>
#include <cmath>

#include "launcher/checkpoint_manifest.h"
#include "launcher/collective.h"
#include "launcher/trainer.h"

// What a training reads from its run directory and writes there.

namespace convoy {

namespace {

constexpr const char* kWeightsToRestore =
    "early_stopping";  ///< a checkpoint's file: what early stopping gives back at the end

/// How long a training that goes on waits for the data's hash. Hashing 150 MB takes 0.2 s; what takes
/// longer than this is compared as soon as it is known.
constexpr std::chrono::seconds kHashPatience(3);

/// The cursor that belongs to a number of steps.
TrainingCursor cursor_at(std::int64_t steps, std::int64_t steps_per_epoch) {
  return {steps / steps_per_epoch, steps % steps_per_epoch, steps};
}

}  // namespace

/// The best so far counts only for the same metric, and where its weights are at hand.
void Trainer::restore_best(const std::optional<BestResult>& best) {
  const auto& monitor = experiment_.checkpoint.best;
  const bool same = best && monitor && best->metric == config::name_of_value(*monitor);
  const bool kept = same && is_root() && std::filesystem::exists(files_->paths().best_weights());
  if (same && is_root() && !kept)
    parts_.log.warning(
        "{} is not here: the best weights are sought anew; the best so far had {} {:.4f} after epoch {}",
        files_->paths().best_weights().string(), best->metric, best->value, best->cursor.epoch);
  if (broadcast_answer(parts_.communicator, kept)) best_ = best;
}

void Trainer::resume() {
  const std::string& resume = parts_.resume;
  parts_.watchdog.enter("reading a checkpoint, or waiting for other ranks", cursor_.global_step,
                        Watchdog::kFilePatience);
  std::string text;
  agree(parts_.communicator, [&] {
    if (!is_root() || resume == "never") return;
    const auto warn = [&](const std::string& line) { parts_.log.warning("{}", line); };
    const auto checkpoint = resume == "auto" ? newest_whole_checkpoint(files_->paths().checkpoints(), warn)
                                             : std::optional<Checkpoint>(std::in_place, resume);
    if (!checkpoint) {
      if (checkpoint_steps(files_->paths().checkpoints()).empty()) {
        if (std::error_code error; std::filesystem::exists(files_->paths().metrics(), error))
          warn(fmt::format(
              "a run has begun in {}, but {} holds no checkpoint: it starts again at its first step",
              files_->paths().directory.string(), files_->paths().checkpoints().string()));
        return;
      }
      throw CheckpointError(
          "no checkpoint in {} is whole; bring back an undamaged copy, or start again with --resume never, "
          "which keeps this run aside",
          files_->paths().checkpoints().string());
    }
    state_.load_weights(checkpoint->file("weights"));
    state_.load_moments(checkpoint->file("optimizer"));
    text = manifest_text({checkpoint->state(), {}});
    const bool same_config = checkpoint->state().config_hash == parts_.config_hash;
    if (early_stopping_ && same_config && checkpoint->has(kWeightsToRestore))
      early_stopping_->load_best_weights(checkpoint->file(kWeightsToRestore));
    if (!same_config)
      warn(
          fmt::format("{} was saved under another config: its weights, moments and number of steps are taken "
                      "over, and the epoch begins where that many steps lead",
                      checkpoint->directory().string()));
    if (checkpoint->state().fingerprint != parts_.fingerprint)
      warn(
          fmt::format("going on under other numerics than {} was saved with, so the bits will differ from an "
                      "uninterrupted run's: {}",
                      checkpoint->directory().string(),
                      describe_change(checkpoint->state().fingerprint, parts_.fingerprint)));
    parts_.log.info("going on from {}", checkpoint->directory().string());
  });
  text = broadcast_text(parts_.communicator, std::move(text));
  if (text.empty()) return;
  state_.broadcast(parts_.communicator);
  const CheckpointState state = parse_manifest(text).state;
  resumed_ = true;
  if (state.config_hash != parts_.config_hash) {
    cursor_ = cursor_at(state.cursor.global_step, epoch_steps());
    return;
  }
  cursor_ = state.cursor;
  if (is_root()) saved_step_ = cursor_.global_step;
  resumed_data_ = state.data_sha256;
  parts_.watchdog.enter("reading the data, or waiting for other ranks", cursor_.global_step,
                        Watchdog::kFilePatience);
  agree(parts_.communicator, [&] { look_at_data(kHashPatience); });
  restore_best(state.best);
  const auto& stopping = state.early_stopping;
  const bool counts = is_root() && early_stopping_ && stopping && early_stopping_->can_restore(*stopping);
  if (broadcast_answer(parts_.communicator, counts)) early_stopping_->restore(stopping);
  metrics_position_ = state.metrics;
  const auto total = [&](const char* name) {
    const auto found = state.epoch_totals.find(name);
    return found == state.epoch_totals.end() ? 0.0 : found->second;
  };
  totals_ = {total("loss"), total("correct"), total("top5"), total("samples")};
}

/// Rank 0's part of a save, the moments gathered. Throws CheckpointError.
void Trainer::write_checkpoint() {
  // Before the position is taken, so that a training that goes on from here keeps the line.
  write("checkpoint", {{"step", cursor_.global_step}});
  metrics_->sync();
  CheckpointState state;
  state.cursor = cursor_;
  state.config_hash = parts_.config_hash;
  state.data_sha256 = data_sha256();
  state.fingerprint = parts_.fingerprint;
  state.best = best_;
  if (early_stopping_) state.early_stopping = early_stopping_->state();
  state.metrics = metrics_->position();
  state.epoch_totals = {{"loss", totals_.loss},
                        {"correct", totals_.correct},
                        {"top5", totals_.top5},
                        {"samples", totals_.samples}};
  std::vector<TensorFile> files{{"weights", state_.weights()}, {"optimizer", state_.moments()}};
  if (early_stopping_)
    if (auto best = early_stopping_->best_weights(); !best.empty())
      files.push_back({kWeightsToRestore, std::move(best)});
  save_checkpoint(files_->paths().checkpoints(), state, files);
  saved_step_ = cursor_.global_step;
  const auto warn = [&](const std::string& line) { parts_.log.warning("{}", line); };
  prune_checkpoints(files_->paths().checkpoints(), experiment_.checkpoint.keep, cursor_.global_step,
                    proven_step_, warn);
}

/// A save on the way: one that fails costs a warning, training goes on, and the next one may succeed. While
/// steps are skipped there is nothing new to save, and the weights may be beyond use.
void Trainer::save_on_the_way() {
  if (doubtful_) return;
  parts_.watchdog.enter("saving, or waiting for other ranks", cursor_.global_step, Watchdog::kFilePatience);
  fetch_state();
  last_save_ = std::chrono::steady_clock::now();
  on_root("no checkpoint could be written", [&] { write_checkpoint(); });
  parts_.communicator.barrier();
}

void Trainer::fetch_state() {
  stepper_->fetch_weights();
  stepper_->fetch_moments();
}

void Trainer::on_root(const char* failing, const std::function<void()>& work) {
  if (!is_root()) return;
  std::string reason;
  try {
    work();
    return;
  } catch (const CheckpointError& error) {
    reason = error.what();
  } catch (const std::filesystem::filesystem_error& error) {
    reason = error.what();
  }
  const std::string what =
      fmt::format("after step {} {}: {}; training goes on", cursor_.global_step, failing, reason);
  parts_.log.warning("{}", what);
  write("warning", {{"step", cursor_.global_step}, {"message", what}});
}

void Trainer::look_at_data(std::chrono::seconds patience) {
  if (data_hash_.valid() && data_hash_.wait_for(patience) == std::future_status::ready) data_sha256();
}

const std::string& Trainer::data_sha256() {
  if (data_hash_.valid()) data_sha256_ = data_hash_.get();
  if (!resumed_data_.empty() && data_sha256_ != resumed_data_)
    throw DataError(
        "{} has changed since the checkpoint that this training went on from; bring back what it was, or "
        "start "
        "again with --resume never",
        parts_.setup.training->name());
  return data_sha256_;
}

}  // namespace convoy
