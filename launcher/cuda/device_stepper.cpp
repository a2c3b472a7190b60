#include "launcher/cuda/device_stepper.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "comm/backoff.h"
#include "core/cuda/kernels/optimizer.h"
#include "core/cuda/kernels/step.h"
#include "launcher/cuda/resident_feed.h"
#include "launcher/refusal.h"

namespace convoy {

namespace {

/// Steps that are queued before the host looks at what they gave: so many that the device never waits for it.
constexpr std::int64_t kStepsAtOnce = 16;

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

std::size_t floats(std::int64_t count) { return index(count) * sizeof(float); }

BucketPlan bucket_plan(const DeviceNetwork& network, int ranks, std::optional<std::int64_t> bucket_bytes) {
  std::vector<std::int64_t> tensors, cuts;
  for (const ModelTensor& tensor : network.model().parameters) tensors.push_back(tensor.offset);
  for (const DeviceBlock& block : network.blocks())
    if (!block.parameters.empty()) cuts.push_back(block.parameters.front().offset);
  return BucketPlan(tensors, cuts, network.model().parameter_elements, ranks, bucket_bytes);
}

DeviceExecutor::Options executor_options(const DeviceStepper::Options& options, const BatchPlan& batches,
                                         const IndexRange& own) {
  return {.slices = batches.slices(),
          .local_slices = own.size(),
          .slice_samples = batches.slice_sizes().back(),
          .streams = options.streams,
          .loss = options.loss};
}

/// The data set stays on the device where it has room, and the host feeds it otherwise.
std::unique_ptr<DeviceFeed> make_feed(const InputPipeline& pipeline, const BatchPlan& batches,
                                      WorkerPool& pool, cuda::Storage storage, std::int64_t most_samples,
                                      double resident_part) {
  if (auto dataset = ResidentDataset::if_it_fits(pipeline, pool, resident_part))
    return std::make_unique<ResidentFeed>(std::move(dataset), batches, storage);
  return std::make_unique<HostFeed>(pipeline, batches, pool, storage, most_samples);
}

DeviceNetwork& planned(DeviceNetwork& network, const BatchPlan& batches) {
  for (const std::int64_t samples : batches.slice_sizes()) network.plan(samples);
  return network;
}

}  // namespace

/// Hands gradients to the reducer.
class DeviceStepper::Sink : public DeviceSink {
 public:
  Sink(DeviceReducer& reducer, cuda::StepState* state) : reducer_(reducer), state_(state) {}
  void add(const cuda::Stream& stream, std::size_t block, std::int64_t offset, const float* gradient,
           std::int64_t n) override {
    reducer_.add(stream, offset, gradient, n, block, state_);
  }
  void passed(const cuda::Stream& stream, std::int64_t offset) override { reducer_.passed(stream, offset); }

 private:
  DeviceReducer& reducer_;
  cuda::StepState* state_;
};

DeviceStepper::DeviceState::DeviceState(const Model& model, std::size_t slot_count)
    : parameters(floats(model.parameter_elements)), statistics(floats(model.statistics_elements)) {
  for (std::size_t i = 0; i < slot_count; ++i) slots.emplace_back(parameters.size());
}

DeviceStepper::DeviceStepper(DeviceNetwork& network, const InputPipeline& pipeline, WorkerPool& pool,
                             TrainingState& state, Communicator& communicator,
                             std::unique_ptr<cuda::Collectives> collectives, const Options& options)
    : network_(planned(network, BatchPlan(options.batches))),
      state_(state),
      options_(options),
      batches_(options.batches),
      own_slices_(part_of(batches_.slices(), communicator.size(), communicator.rank())),
      communicator_(communicator.duplicate()),
      requests_(*communicator_, communicator.size()),
      profiler_(1, network.blocks().size()),
      current_(network.model(), state.slot_count()),
      next_(network.model(), state.slot_count()),
      values_(sizeof(cuda::StepValues)),
      states_(index(communicator.size()) * sizeof(cuda::StepState)),
      reports_(index(kStepsAtOnce) * sizeof(cuda::StepReport)),
      pinned_values_(index(kStepsAtOnce) * sizeof(cuda::StepValues)),
      pinned_reports_(reports_.size()),
      reducer_(*collectives, bucket_plan(network, communicator.size(), options.bucket_bytes), options.exact,
               batches_.slices()),
      executor_(network, *collectives, executor_options(options, batches_, own_slices_)),
      feed_(make_feed(pipeline, batches_, pool, network.storage(),
                      batches_.slice_sizes().back() * own_slices_.size(), options.resident_part)),
      collectives_(std::move(collectives)) {}

DeviceStepper::~DeviceStepper() = default;

std::size_t DeviceStepper::memory_bytes() const { return executor_.memory_bytes(); }

std::int64_t DeviceStepper::steps_at_once() const { return kStepsAtOnce; }

StepPlan DeviceStepper::plan_of(std::int64_t samples) const {
  StepPlan plan;
  plan.seed = options_.batches.seed;
  plan.samples = samples;
  plan.slices = batches_.slices();
  plan.first_slice = own_slices_.begin;
  plan.last_slice = own_slices_.end;
  return plan;
}

cuda::StepValues DeviceStepper::values_of(std::int64_t number, std::int64_t report) const {
  cuda::StepValues values;
  values.seed = options_.batches.seed;
  values.step = static_cast<std::uint64_t>(number);
  values.epoch = static_cast<std::uint64_t>(batches_.epoch_of(number));
  values.first_sample = batches_.first_index(number);
  values.report = report;
  const double rate = options_.learning_rate.at(number);
  values.learning_rate = static_cast<float>(rate);
  if (const auto* adam = std::get_if<AdamOptions>(&options_.optimizer)) {
    values.alpha = adam_alpha(*adam, rate, number + 1);
    values.decay = static_cast<float>(rate * adam->weight_decay);
  }
  return values;
}

void DeviceStepper::take(std::int64_t first, std::span<StepResult> results) {
  const auto enter = [&](const char* phase) {
    if (options_.watchdog) options_.watchdog->enter(phase, first);
  };
  enter("computing on the GPU, or waiting for other ranks");
  const auto values = pinned_values_.as<cuda::StepValues>();
  for (std::size_t i = 0; i < results.size(); ++i) {
    const std::int64_t number = first + static_cast<std::int64_t>(i), samples = batches_.batch_size(number);
    const StepPlan plan = plan_of(samples);
    values[i] = values_of(number, static_cast<std::int64_t>(i));
    cuda::copy_to_device(main_, values_.data(), &values[i], sizeof(cuda::StepValues));
    const std::int64_t begin = plan.slice_begin(plan.first_slice);
    feed_->feed(main_, number, begin, plan.slice_begin(plan.last_slice) - begin);
    if (!collectives_->only_queues()) {
      queue(samples);
      continue;
    }
    cuda::Graph& graph = graphs_[samples];
    if (!graph) graph = cuda::Graph(main_, [&] { queue(samples); });
    graph.launch(main_);
  }
  cuda::copy_to_host(main_, pinned_reports_.data(), reports_.data(),
                     results.size() * sizeof(cuda::StepReport));
  wait();
  std::vector<double> records(
      index(communicator_->size()));  // these are on the device; what meets here are requests
  requests_.request(request_);
  requests_.gather(records, 1);
  for (std::size_t i = 0; i < results.size(); ++i)
    results[i] = result_of(first + static_cast<std::int64_t>(i), pinned_reports_.as<cuda::StepReport>()[i]);
}

/// All of a step that the device does, in the order of StepRunner::step().
void DeviceStepper::queue(std::int64_t samples) {
  const StepPlan plan = plan_of(samples);
  cuda::StepState* own = states_.as<cuda::StepState>() + collectives_->rank();
  Sink sink(reducer_, own);
  reducer_.begin_step(main_, plan.present_slices());
  executor_.queue(main_, plan,
                  {.values = values_.as<cuda::StepValues>(),
                   .states = states_.as<cuda::StepState>(),
                   .reports = reports_.as<cuda::StepReport>(),
                   .parameters = current_.parameters.as<float>(),
                   .statistics = current_.statistics.as<float>(),
                   .new_statistics = next_.statistics.as<float>()},
                  *feed_, sink);
  reducer_.finish(main_);
  if (options_.global_clipnorm) reducer_.clip(main_, *options_.global_clipnorm, own);
  update();
  reducer_.share(main_, next_.parameters.as<float>());
  cuda::require_finite(main_, own, next_.statistics.as<float>(), network_.model().statistics_elements);
  const std::vector<std::int64_t> bytes(index(collectives_->size()), sizeof(cuda::StepState));
  collectives_->all_gather(main_, states_.data(), bytes);
  cuda::settle(main_, states_.as<cuda::StepState>(), collectives_->size(), values_.as<cuda::StepValues>(),
               own, reports_.as<cuda::StepReport>());
  commit();
}

void DeviceStepper::update() {
  for (const BucketPlan::Range& range : reducer_.owned()) {
    cuda::UpdateArgs args;
    args.n = range.end - range.begin;
    args.step = values_.as<cuda::StepValues>();
    args.state = states_.as<cuda::StepState>() + collectives_->rank();
    args.gradient = reducer_.gradients() + range.begin;
    args.weights = current_.parameters.as<float>() + range.begin;
    args.new_weights = next_.parameters.as<float>() + range.begin;
    for (std::size_t i = 0; i < current_.slots.size(); ++i) {
      args.slots[i] = current_.slots[i].as<float>() + range.begin;
      args.new_slots[i] = next_.slots[i].as<float>() + range.begin;
    }
    if (const auto* adam = std::get_if<AdamOptions>(&options_.optimizer)) {
      cuda::update_adam(main_, args, static_cast<float>(1 - adam->beta_1),
                        static_cast<float>(1 - adam->beta_2), static_cast<float>(adam->epsilon));
    } else {
      const auto& sgd = std::get<SgdOptions>(options_.optimizer);
      cuda::update_sgd(main_, args, static_cast<float>(sgd.momentum), sgd.nesterov);
    }
  }
}

/// What is new becomes what is, unless the step is refused.
void DeviceStepper::commit() {
  const cuda::StepState* own = states_.as<cuda::StepState>() + collectives_->rank();
  cuda::commit(main_, own, current_.parameters.as<float>(), next_.parameters.as<float>(),
               network_.model().parameter_elements);
  cuda::commit(main_, own, current_.statistics.as<float>(), next_.statistics.as<float>(),
               network_.model().statistics_elements);
  for (const BucketPlan::Range& range : reducer_.owned())
    for (std::size_t i = 0; i < current_.slots.size(); ++i)
      cuda::commit(main_, own, current_.slots[i].as<float>() + range.begin,
                   next_.slots[i].as<float>() + range.begin, range.end - range.begin);
}

/// For the device, without standing still where another rank fails.
void DeviceStepper::wait() {
  for (Backoff backoff; !main_.is_done(); backoff.pause()) collectives_->require_alive();
}

StepResult DeviceStepper::result_of(std::int64_t number, const cuda::StepReport& report) const {
  StepResult result;
  result.samples = batches_.batch_size(number);
  const double n = static_cast<double>(result.samples);
  result.loss = report.sums.loss / n;
  result.accuracy = report.sums.correct / n;
  result.top5 = report.sums.top5 / n;
  result.learning_rate = options_.learning_rate.at(number);
  result.requests = requests_.requested();
  if (!report.refused) return result;
  if (!std::isfinite(result.loss))
    result.refused = refusal_of_loss(result.loss);
  else if (report.bad_block > 0)
    result.refused =
        refusal_of_gradient(network_.blocks()[index(report.bad_block) - 1].layer_name(), batches_.slices());
  else
    result.refused = refusal_of_update();
  return result;
}

void DeviceStepper::load() {
  const Generation& host = state_.current();
  const auto send = [](const cuda::DeviceMemory& device, std::span<const float> values) {
    if (!values.empty()) cuda::upload(device.data(), std::as_bytes(values));
  };
  for (DeviceState* state : {&current_, &next_}) {  // the gaps between tensors, too
    send(state->parameters, host.parameters());
    send(state->statistics, host.statistics());
    for (std::size_t i = 0; i < state->slots.size(); ++i) send(state->slots[i], host.slot(i));
  }
}

void DeviceStepper::fetch_weights() {
  Generation& host = state_.current();
  cuda::download(std::as_writable_bytes(host.parameters()), current_.parameters.data());
  if (!host.statistics().empty())
    cuda::download(std::as_writable_bytes(host.statistics()), current_.statistics.data());
}

void DeviceStepper::fetch_moments() {
  for (std::size_t i = 0; i < current_.slots.size(); ++i) {
    reducer_.share(main_, current_.slots[i].as<float>());
    wait();
    cuda::download(std::as_writable_bytes(state_.current().slot(i)), current_.slots[i].data());
  }
}

}  // namespace convoy
