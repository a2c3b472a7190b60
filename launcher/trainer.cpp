#include "launcher/trainer.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <sys/resource.h>
#include <utility>

#include "launcher/collective.h"
#include "launcher/signals.h"
#include "launcher/split_source.h"
#include "launcher/wording.h"

namespace convoy {

namespace {

/// Steps refused one after the other, with `on_nonfinite: skip`, after which training will not recover by
/// itself.
constexpr std::int64_t kMostRefusals = 100;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Lets the threads that train go before this one. (Linux has a priority for each thread.)
void step_back() { ::setpriority(PRIO_PROCESS, 0, 10); }

}  // namespace

void Trainer::EpochTotals::add(const StepResult& result) {
  const double n = static_cast<double>(result.samples);
  loss += result.loss * n;
  correct += result.accuracy * n;
  top5 += result.top5 * n;
  samples += n;
}

Trainer::Figures Trainer::EpochTotals::means() const {
  const auto mean = [&](double total) {
    return samples > 0 ? total / samples : std::numeric_limits<double>::quiet_NaN();
  };
  return {mean(loss), mean(correct), mean(top5)};
}

Trainer::Trainer(const Parts& parts, const RunDirectory* files)
    : parts_(parts),
      files_(files),
      experiment_(parts.setup.experiment),
      optimizer_(make_optimizer(experiment_, parts.engine.loops())),
      state_(parts.setup.model, optimizer_->slot_names(),
             parts.engine.join_hosts(parts.communicator, parts.setup.model,
                                     [&](const std::string& text) { parts.log.warning("{}", text); })),
      pipeline_(make_pipeline(parts.setup, parts.setup.training, true)),
      stepper_(parts.engine.make_stepper(
          parts.setup, {pipeline_, *optimizer_, state_, parts_.communicator, &parts_.watchdog})),
      total_steps_(total_steps(parts.setup)) {
  if (parts.setup.validation) {
    validation_.emplace(make_pipeline(parts.setup, parts.setup.validation, false));
    evaluator_ = parts_.engine.make_evaluator(parts.setup.validation->size());
  }
  if (const auto& stopping = experiment_.train.early_stopping)
    early_stopping_.emplace(*stopping, parts.setup.model, is_root());
  state_.initialize(experiment_.seed, parts_.communicator);
  if (experiment_.model.weights) state_.load_first_weights(*experiment_.model.weights, parts_.communicator);
  if (is_root())
    data_hash_ = std::async(std::launch::async, [data = parts.setup.training] {
      step_back();
      return data->sha256();
    });
}

bool Trainer::finished() const { return cursor_.global_step >= total_steps_ || stop_early_; }

std::int64_t Trainer::epoch_steps() const { return stepper_->batches().steps_per_epoch(); }

ExitCode Trainer::run() {
  const StopSignals signals;
  parts_.watchdog.enter("opening metrics.jsonl, or waiting for other ranks", cursor_.global_step,
                        Watchdog::kFilePatience);
  agree(parts_.communicator, [&] { start_run(); });
  stepper_->load();
  while (!finished()) {
    train_steps();
    const bool epoch_done = cursor_.step_in_epoch == epoch_steps();
    if (epoch_done) finish_epoch();
    const auto& every = experiment_.checkpoint;
    const bool due = (epoch_done && every.every_epochs && cursor_.epoch % *every.every_epochs == 0) ||
                     (every.every_steps && cursor_.global_step % *every.every_steps == 0) ||
                     (requests_ & kSave);
    if (requests_ & kStop) {
      fetch_state();
      agree(parts_.communicator, [&] {
        if (is_root()) write_checkpoint();
      });
      parts_.log.info("stopped on request after step {}; to go on, run the same command again{}",
                      cursor_.global_step, parts_.resume == "never" ? " without --resume never" : "");
      return ExitCode::stopped;
    }
    if (due && !finished()) save_on_the_way();
  }
  end_run();
  return ExitCode::ok;
}

void Trainer::start_run() {
  epoch_start_ = last_save_ = std::chrono::steady_clock::now();
  rate_.restart();
  // An early stop may already be decided in the state that was resumed.
  stop_early_ = early_stopping_ && early_stopping_->should_stop();
  if (!is_root()) return;
  std::error_code absent;
  if (!cut_metrics(files_->paths().metrics(), metrics_position_, cursor_) &&
      std::filesystem::file_size(files_->paths().metrics(), absent) > 0 && !absent)
    parts_.log.warning(
        "metrics.jsonl is not the one that the checkpoint was taken with; it was cut back by its steps");
  metrics_.emplace(files_->paths().metrics());
  MetricsEvent start = parts_.start;
  start["step"] = cursor_.global_step;
  write(resumed_ ? "restart" : "start", start);
  metrics_position_ = metrics_->position();
}

std::int64_t Trainer::steps_to_take() const {
  std::int64_t steps = std::min(
      {stepper_->steps_at_once(), total_steps_ - cursor_.global_step, epoch_steps() - cursor_.step_in_epoch});
  for (const auto& every : {experiment_.checkpoint.every_steps, experiment_.distributed.check_every_steps})
    if (every) steps = std::min(steps, *every - cursor_.global_step % *every);
  return steps;
}

void Trainer::train_steps() {
  look_at_data(std::chrono::seconds(0));
  std::uint32_t request = 0;
  if (StopSignals::received()) request |= kStop;
  if (is_root() && experiment_.checkpoint.every_minutes &&
      seconds_since(last_save_) >= *experiment_.checkpoint.every_minutes * 60)
    request |= kSave;
  stepper_->request(request);
  results_.resize(static_cast<std::size_t>(steps_to_take()));
  stepper_->take(cursor_.global_step, results_);
  requests_ = 0;
  for (const StepResult& result : results_) count(result);
  const auto& check = experiment_.distributed.check_every_steps;
  if (check && cursor_.global_step % *check == 0) check_replicas();
}

void Trainer::count(const StepResult& result) {
  requests_ |= result.requests;
  ++cursor_.global_step;
  ++cursor_.step_in_epoch;
  if (result.refused) {
    refuse_step(*result.refused);
  } else {
    refusals_ = 0;
    doubtful_ = false;
    defect_.reset();
    if (saved_step_) proven_step_ = saved_step_;
    totals_.add(result);
  }
  epoch_samples_ += static_cast<double>(result.samples);
  if (is_root()) log_step(result);
}

void Trainer::refuse_step(const std::string& reason) {
  parts_.watchdog.enter("checking the step's loss and gradients", cursor_.global_step);
  const std::string what =
      fmt::format("step {} (epoch {}): {}", cursor_.global_step, cursor_.epoch + 1, reason);
  if (experiment_.train.on_nonfinite == config::OnNonfinite::stop)
    throw AgreedError(ExitCode::numeric,
                      fmt::format("{}; {}, or `train.on_nonfinite: skip`", what, way_out()));
  doubtful_ = true;
  if (++refusals_ == kMostRefusals)
    throw AgreedError(ExitCode::numeric,
                      fmt::format("{}; {} steps in a row were skipped for that: the weights are beyond "
                                  "recovery; {}",
                                  what, refusals_, way_out()));
  parts_.log.warning("{}; skipped", what);
  write("warning", {{"step", cursor_.global_step}, {"message", what}});
}

std::string Trainer::way_out() const {
  const std::string text = "try a smaller learning rate or global_clipnorm";
  if (proven_step_)
    return fmt::format("{}, going on with another --run-dir and --resume {}", text,
                       checkpoint_path(files_->paths().checkpoints(), *proven_step_).string());
  if (saved_step_)
    return fmt::format("{}, from the beginning: no step could be taken from the weights of step {}", text,
                       *saved_step_);
  return text;
}

/// Looks at the weights that an epoch ended with. With `on_nonfinite: skip` those of no use may recover.
void Trainer::require_usable_weights(const std::optional<EvaluationResult>& validation) {
  if (totals_.samples == 0)
    throw AgreedError(
        ExitCode::numeric,
        fmt::format("every step of epoch {} was skipped, because loss, gradients or weights were "
                    "not finite; {}",
                    cursor_.epoch, way_out()));
  defect_ = validation ? validation->defect() : defect_of_weights();
  doubtful_ = defect_.has_value();
  if (!defect_) return;
  const std::string what = fmt::format("after epoch {} the weights give {}{}", cursor_.epoch, *defect_,
                                       validation ? " in validation" : "");
  if (experiment_.train.on_nonfinite == config::OnNonfinite::stop)
    throw AgreedError(ExitCode::numeric, fmt::format("{}; {}", what, way_out()));
  parts_.log.warning("{}", what);
  write("warning", {{"step", cursor_.global_step}, {"message", what}});
}

std::optional<std::string> Trainer::defect_of_weights() {
  parts_.watchdog.enter("checking the weights", cursor_.global_step);
  const std::int64_t samples = std::min(std::max(kEvaluationSlice, experiment_.train.global_batch_size),
                                        parts_.setup.training->size());
  const std::unique_ptr<Evaluator> evaluator = parts_.engine.make_evaluator(samples);
  const InputPipeline pipeline = make_pipeline(parts_.setup, parts_.setup.training, false);
  std::atomic<std::int64_t> bad{0};
  evaluator->run(0, Evaluator::slices(samples), SplitSource(pipeline), state_.current().parameters(),
                 state_.current().statistics(), [&](std::int64_t, const EvaluatedSlice& seen) {
                   parts_.watchdog.beat();
                   bad += count_not_finite(seen.output, seen.samples);
                 });
  if (bad == 0) return std::nullopt;
  return fmt::format("outputs that are not finite for {} of {}", bad.load(), counted(samples, "sample"));
}

void Trainer::log_step(const StepResult& result) {
  const bool logged = cursor_.global_step % experiment_.train.log_every_steps == 0;
  rate_.add(result.samples);
  ProgressStep progress;
  progress.epoch = cursor_.epoch + 1;
  progress.epochs = experiment_.train.epochs;
  progress.step = cursor_.step_in_epoch;
  progress.steps = epoch_steps();
  progress.loss = totals_.samples > 0 ? totals_.loss / totals_.samples : result.loss;
  if (measures(config::Metric::accuracy)) progress.accuracy = totals_.means().accuracy;
  progress.images_per_second = rate_.per_second();
  progress.seconds_left = static_cast<double>(total_steps_ - cursor_.global_step) *
                          static_cast<double>(experiment_.train.global_batch_size) /
                          progress.images_per_second;
  parts_.progress.show(progress, logged);
  if (!logged) return;
  MetricsEvent event{{"epoch", cursor_.epoch + 1}, {"step", cursor_.global_step}, {"loss", result.loss}};
  if (measures(config::Metric::accuracy)) event["accuracy"] = result.accuracy;
  if (measures(config::Metric::top_5_accuracy)) event["top_5_accuracy"] = result.top5;
  event["learning_rate"] = result.learning_rate;
  event["images_per_second"] = progress.images_per_second;
  write("step", event);
}

bool Trainer::measures(config::Metric metric) const {
  return std::ranges::count(experiment_.metrics, metric) > 0;
}

/// Adds loss and metrics to an event and to a line for the user.
void Trainer::record(MetricsEvent& event, std::string& line, const std::string& prefix,
                     const Figures& figures) const {
  event[prefix + "loss"] = figures.loss;
  line += fmt::format(" {}loss {:.4f}", prefix, figures.loss);
  if (measures(config::Metric::accuracy)) {
    event[prefix + "accuracy"] = figures.accuracy;
    line += fmt::format(", {}accuracy {:.4f}", prefix, figures.accuracy);
  }
  if (measures(config::Metric::top_5_accuracy)) {
    event[prefix + "top_5_accuracy"] = figures.top5;
    line += fmt::format(", {}top_5_accuracy {:.4f}", prefix, figures.top5);
  }
}

void Trainer::finish_epoch() {
  const double seconds = seconds_since(epoch_start_);
  stepper_->fetch_weights();
  ++cursor_.epoch;
  cursor_.step_in_epoch = 0;
  MetricsEvent epoch{{"epoch", cursor_.epoch}, {"step", cursor_.global_step}};
  std::string line = fmt::format("epoch {}/{}:", cursor_.epoch, experiment_.train.epochs);
  record(epoch, line, "", totals_.means());
  std::optional<EvaluationResult> result;
  if (validation_) {
    parts_.watchdog.enter("validating, or waiting for other ranks", cursor_.global_step);
    parts_.progress.show(fmt::format("epoch {}/{}  validating", cursor_.epoch, experiment_.train.epochs));
    result = evaluate(*evaluator_, *validation_, state_.current().parameters(), state_.current().statistics(),
                      make_loss(experiment_), parts_.communicator, &parts_.watchdog);
    line += ',';
    record(epoch, line, "val_", {result->loss, result->accuracy, result->top5});
  }
  epoch["seconds"] = seconds_since(epoch_start_);
  epoch["images_per_second"] = epoch_samples_ / seconds;
  parts_.watchdog.enter("finishing the epoch, or waiting for other ranks", cursor_.global_step,
                        Watchdog::kFilePatience);
  agree(parts_.communicator, [&] {
    parts_.setup.training->verify_unchanged();
    if (parts_.setup.validation) parts_.setup.validation->verify_unchanged();
  });
  if (is_root()) {
    const std::string& hash = data_sha256();
    if (cursor_.epoch == 1) epoch["data_sha256"] = hash;
  }
  parts_.log.info("{}, {:.0f} images/s, {:.1f} s", line, epoch_samples_ / seconds, seconds);
  write("epoch", epoch);
  require_usable_weights(result);
  watch_metrics(epoch);
  parts_.communicator.barrier();  // the others wait for rank 0's files here, where they are patient
  totals_ = {};
  epoch_samples_ = 0;
  epoch_start_ = std::chrono::steady_clock::now();
  rate_.restart();
}

/// Keeps the best weights, and notices when the watched metric has stopped improving. Every rank decides
/// alike.
void Trainer::watch_metrics(const MetricsEvent& epoch) {
  if (const auto& monitor = experiment_.checkpoint.best; monitor && !doubtful_) {
    const auto value = value_of(*monitor, epoch);
    if (value && std::isfinite(*value) && (!best_ || is_better(*monitor, *value, best_->value))) {
      best_ = BestResult{std::string(config::name_of_value(*monitor)), *value, cursor_};
      on_root("the best weights could not be written",
              [&] { save_safetensors(files_->paths().best_weights(), state_.weights()); });
    }
  }
  if (!early_stopping_) return;
  if (defect_)
    early_stopping_->observe_failure();
  else
    early_stopping_->observe(epoch, cursor_.epoch, state_);
  stop_early_ = early_stopping_->should_stop();
}

void Trainer::check_replicas() {
  parts_.watchdog.enter("comparing weights with other ranks", cursor_.global_step);
  stepper_->fetch_weights();
  const std::vector<std::string> hashes = gather_texts(parts_.communicator, state_.weights_sha256());
  for (std::size_t rank = 1; rank < hashes.size(); ++rank)
    if (hashes[rank] != hashes[0])
      throw AgreedError(ExitCode::device,
                        fmt::format("after step {} the weights of rank {} differ from those of rank 0: a "
                                    "processor or its memory computes wrongly on one of them",
                                    cursor_.global_step, rank));
}

void Trainer::end_run() {
  stepper_->fetch_weights();
  if (stop_early_)
    parts_.log.info("stopped early: no better {} since epoch {}",
                    config::name_of_value(experiment_.train.early_stopping->monitor),
                    early_stopping_->best_epoch());
  if (!defect_) defect_ = defect_of_weights();
  const bool replaced = early_stopping_ && early_stopping_->gives_back();
  if (defect_ && !replaced)
    throw AgreedError(ExitCode::numeric, fmt::format("after step {} the weights give {}; {}",
                                                     cursor_.global_step, *defect_, way_out()));
  if (doubtful_ && !replaced)
    parts_.log.warning("the last {} skipped: evaluate the final weights before you use them",
                       refusals_ == 1 ? "step was" : fmt::format("{} steps were", refusals_));
  doubtful_ |= defect_.has_value();
  save_on_the_way();
  if (early_stopping_ && is_root()) early_stopping_->give_back(state_);
  agree(parts_.communicator, [&] {
    if (!is_root()) return;
    save_safetensors(files_->paths().final_weights(), state_.weights());
    const std::string hash = state_.weights_sha256();
    MetricsEvent end{{"step", cursor_.global_step}, {"epoch", cursor_.epoch}, {"weights_sha256", hash}};
    if (best_)
      end["best"] = {{"metric", best_->metric}, {"value", best_->value}, {"epoch", best_->cursor.epoch}};
    end["stopped_early"] = stop_early_;
    if (stop_early_) end["early_stopping"] = {{"best_epoch", early_stopping_->best_epoch()}};
    write("end", end);
    parts_.log.info("done after step {}: weights {}", cursor_.global_step, hash);
  });
}

/// Metrics that cannot be written must not end a training: said once, then left out.
void Trainer::write(std::string_view event, const MetricsEvent& fields) {
  if (!metrics_) return;
  try {
    metrics_->write(event, fields);
  } catch (const CheckpointError& error) {
    if (!std::exchange(metrics_failed_, true))
      parts_.log.warning("{}; training goes on without", error.what());
  }
}

}  // namespace convoy
