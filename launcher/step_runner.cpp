#include "launcher/step_runner.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "launcher/refusal.h"

namespace convoy {

namespace {

/// Fills slices of one training step.
class TrainingSource : public SliceSource {
 public:
  TrainingSource(const InputPipeline& pipeline, const BatchPlan& batches, std::int64_t step,
                 Watchdog* watchdog)
      : pipeline_(pipeline), batches_(batches), step_(step), watchdog_(watchdog) {}
  void fill(std::int64_t first, std::int64_t samples, float* input, std::int32_t* labels) const override {
    if (watchdog_) watchdog_->beat();
    pipeline_.fill_training(batches_, step_, {first, first + samples}, input, labels);
  }

 private:
  const InputPipeline& pipeline_;
  const BatchPlan& batches_;
  std::int64_t step_;
  Watchdog* watchdog_;
};

BucketPlan bucket_plan(const Network& network, int ranks, std::optional<std::int64_t> bucket_bytes) {
  std::vector<std::int64_t> tensors, cuts;
  for (const ModelTensor& tensor : network.model().parameters) tensors.push_back(tensor.offset);
  for (const Block& block : network.blocks())
    if (!block.parameters.empty()) cuts.push_back(block.parameters.front().offset);
  return BucketPlan(tensors, cuts, network.model().parameter_elements, ranks, bucket_bytes);
}

/// Where the weights lie whose gradients come in parts.
std::vector<BucketPlan::Range> set_ranges(const Network& network) {
  std::vector<BucketPlan::Range> ranges;
  for (const Block& block : network.blocks()) {
    if (!block.kernel->defers_weight_gradient()) continue;
    const ParameterRange& weights = block.parameters.front();
    ranges.push_back({weights.offset, weights.offset + weights.shape.elements()});
  }
  return ranges;
}

Executor::Options executor_options(const BatchPlan& batches, const IndexRange& own) {
  return {
      .slices = batches.slices(), .local_slices = own.size(), .slice_samples = batches.slice_sizes().back()};
}

Network& planned(Network& network, const BatchPlan& batches) {
  for (std::int64_t samples : batches.slice_sizes()) network.plan(samples);
  return network;
}

}  // namespace

StepRunner::StepRunner(CpuEngine& engine, const InputPipeline& pipeline, const Optimizer& optimizer,
                       TrainingState& state, Communicator& communicator, const Options& options)
    : engine_(engine),
      pipeline_(pipeline),
      optimizer_(optimizer),
      state_(state),
      options_(options),
      batches_(options.batches),
      own_slices_(part_of(batches_.slices(), communicator.size(), communicator.rank())),
      meeting_communicator_(communicator.duplicate()),
      meeting_(*meeting_communicator_, batches_.slices()),
      reducer_(communicator.duplicate(),
               bucket_plan(engine.network(), communicator.size(), options.bucket_bytes), options.reduce,
               batches_.slices(), engine.backend().loops(), set_ranges(engine.network()), state.hosts()),
      executor_(planned(engine.network(), batches_), engine.pool(), options.loss,
                executor_options(batches_, own_slices_)),
      updaters_(static_cast<std::size_t>(engine.pool().workers())) {
  for (Updater& updater : updaters_) {
    updater.range.slots.reserve(optimizer.slot_names().size());
    updater.range.new_slots.reserve(optimizer.slot_names().size());
  }
}

void StepRunner::take(std::int64_t first, std::span<StepResult> results) {
  for (StepResult& result : results) result = step(first++);
}

StepResult StepRunner::step(std::int64_t number) {
  StepPlan plan;
  plan.seed = options_.batches.seed;
  plan.step = static_cast<std::uint64_t>(number);
  plan.samples = batches_.batch_size(number);
  plan.slices = batches_.slices();
  plan.first_slice = own_slices_.begin;
  plan.last_slice = own_slices_.end;

  const auto enter = [&](const char* phase) {
    if (options_.watchdog) options_.watchdog->enter(phase, number);
  };
  StepResult result;
  enter("computing, or waiting for other ranks in a meeting");
  reducer_.begin_step(plan.present_slices());
  const StepOutcome outcome = executor_.step(
      plan, TrainingSource(pipeline_, batches_, number, options_.watchdog), state_.current().parameters(),
      state_.current().statistics(), state_.next().statistics(), reducer_, meeting_);
  enter("waiting for other ranks' gradients");
  profiler().time(0, Piece::reduce, 0, [&] { reducer_.finish(); });

  result.samples = plan.samples;
  result.loss = outcome.loss;
  result.accuracy = outcome.accuracy;
  result.top5 = outcome.top5;
  result.learning_rate = options_.learning_rate.at(number);
  result.requests = meeting_.requested();
  if (!std::isfinite(outcome.loss)) {
    result.refused = refusal_of_loss(outcome.loss);
  } else if (outcome.bad_layer) {
    result.refused = refusal_of_gradient(*outcome.bad_layer, plan.slices);
  }
  if (result.refused) return result;

  UpdateStep update;
  update.number = number + 1;
  update.learning_rate = result.learning_rate;
  if (options_.global_clipnorm) update.gradient_scale = clip_scale(squared_norm(), *options_.global_clipnorm);
  this->update(update);
  enter("waiting for other ranks' weights");
  profiler().time(0, Piece::gather, 0, [&] { reducer_.share_weights(state_.next().parameters()); });
  if (state_.next_is_finite(reducer_.plan()))
    state_.commit();
  else
    result.refused = refusal_of_update();
  return result;
}

double StepRunner::squared_norm() {
  engine_.pool().run(std::ssize(reducer_.owned_blocks()), [&](int worker, std::int64_t block) {
    profiler().time(worker, Piece::update, 0, [&] { reducer_.measure(static_cast<std::size_t>(block)); });
  });
  return reducer_.squared_norm();
}

/// Block by block: sums become gradients and these updates in the nearest cache.
void StepRunner::update(const UpdateStep& step) {
  std::atomic<bool> finite = true;
  engine_.pool().run(std::ssize(reducer_.owned_blocks()), [&](int worker, std::int64_t item) {
    const auto block = static_cast<std::size_t>(item);
    Updater& updater = updaters_[static_cast<std::size_t>(worker)];
    profiler().time(worker, Piece::update, 0, [&] {
      state_.point(updater.range, reducer_.owned_blocks()[block]);
      updater.range.gradient = reducer_.gradient(block, updater.room.as<float>());
      if (!optimizer_.update(step, updater.range)) finite = false;
    });
  });
  if (!finite) state_.refuse_next(reducer_.owned().front());
}

void StepRunner::fetch_moments() {
  for (std::size_t i = 0; i < optimizer_.slot_names().size(); ++i) reducer_.gather(state_.current().slot(i));
}

}  // namespace convoy
