#include "layers/executor.h"

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace convoy {

namespace {

// A slice's record for the whole batch: these, then the moments of batch normalizations that did not meet.
enum RecordField : std::size_t { kSamples, kLoss, kCorrect, kTop5, kBadBlock, kRecordFields };

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

/// For each block, where in a worker's memory its parameters' gradients go: null for a deferred one.
std::vector<std::vector<void*>> views_of_gradients(std::span<const Block> blocks, float* memory) {
  std::vector<std::vector<void*>> views;
  for (const Block& block : blocks) {
    float* place = memory;
    auto& of_block = views.emplace_back();
    for (const ParameterRange& range : block.parameters) {
      const bool deferred = of_block.empty() && block.kernel->defers_weight_gradient();
      of_block.push_back(deferred ? nullptr : place);
      if (!deferred) place += (range.shape.elements() + 15) / 16 * 16;
    }
  }
  return views;
}

}  // namespace

struct Executor::Step {
  const StepPlan& plan;
  const SliceSource& source;
  std::span<const float> parameters;
  std::span<const float> statistics;
  std::span<float> new_statistics;
  GradientSink& sink;
  Meeting& meeting;
};

struct Executor::SliceRun {
  Step& step;
  std::int64_t slice;
  std::int64_t local_slice;
  std::byte* context;
  std::byte* own;

  std::int64_t samples() const { return step.plan.slice_samples(slice); }
  template <class T>
  T* at(MemoryPlan::Place place) const {
    return reinterpret_cast<T*>((place.own ? own : context) + place.offset);
  }
};

struct Executor::Worker {
  int number = 0;
  Arena workspace;
  /// For each slice of a group, memory for a block's parameter gradients, and by block their places in it.
  std::vector<Arena> gradients;
  std::vector<std::vector<std::vector<void*>>> gradient_views;
  std::vector<SliceRun> runs;
  std::vector<ForwardArgs> forward;  ///< of the runs
  std::vector<BackwardArgs> backward;
};

Executor::Executor(Network& network, WorkerPool& pool, LossFunction loss, const Options& options)
    : network_(network),
      pool_(pool),
      loss_(std::move(loss)),
      options_(options),
      plan_(network, options.slice_samples, /*training=*/true),
      normalizations_(network, options.slices, options.local_slices),
      profiler_(pool.workers(), network.blocks().size()),
      record_width_(kRecordFields + normalizations_.step_record_width()),
      records_(index(options.slices * record_width_)) {
  const auto blocks = network.blocks();
  while (first_trainable_ < blocks.size() && blocks[first_trainable_].parameters.empty()) ++first_trainable_;
  for (std::size_t segment = 0; segment < network.segment_count(); ++segment)
    groups_.push_back(group_of(segment));
  const std::int64_t contexts =
      network.segment_count() > 1 ? options.local_slices : pool.workers() * groups_.front();
  for (std::int64_t i = 0; i < contexts; ++i) contexts_.emplace_back(plan_.context_bytes);
  for (std::int64_t i = 0; i < options.local_slices; ++i) own_.emplace_back(plan_.own_bytes);
  make_workers();
}

Executor::~Executor() = default;

/// As many slices as the segment's kernels profit from, as long as every worker has some.
std::int64_t Executor::group_of(std::size_t segment) const {
  std::int64_t samples = 1;
  for (std::size_t i = network_.segments()[segment]; i < network_.segments()[segment + 1]; ++i)
    samples = std::max(samples, network_.blocks()[i].kernel->samples_at_once());
  const std::int64_t wanted = (samples + options_.slice_samples - 1) / options_.slice_samples;
  return std::clamp<std::int64_t>(options_.local_slices / pool_.workers(), 1, wanted);
}

void Executor::make_workers() {
  std::vector<void*> workspaces;
  const std::size_t largest = index(*std::ranges::max_element(groups_));
  for (int i = 0; i < pool_.workers(); ++i) {
    auto worker = std::make_unique<Worker>();
    worker->number = i;
    worker->workspace = Arena(plan_.workspace_bytes);
    for (std::size_t slice = 0; slice < largest; ++slice) {
      worker->gradients.emplace_back(index(plan_.parameter_gradient_elements) * sizeof(float));
      worker->gradient_views.push_back(
          views_of_gradients(network_.blocks(), worker->gradients.back().as<float>().data()));
    }
    worker->runs.reserve(largest);
    worker->forward.reserve(largest);
    worker->backward.reserve(largest);
    workspaces.push_back(worker->workspace.data());
    workers_.push_back(std::move(worker));
  }
  weight_gradients_.emplace(network_, plan_, pool_, profiler_, std::move(workspaces));
}

std::size_t Executor::memory_bytes() const {
  std::size_t bytes = 0;
  const auto count = [&](std::span<const Arena> arenas) {
    for (const Arena& arena : arenas) bytes += arena.size();
  };
  count(contexts_);
  count(own_);
  for (const auto& worker : workers_) {
    count(worker->gradients);
    bytes += worker->workspace.size();
  }
  return bytes + weight_gradients_->memory_bytes();
}

std::span<double> Executor::record_of(std::int64_t slice) {
  return std::span(records_).subspan(index(slice * record_width_), index(record_width_));
}

StepOutcome Executor::step(const StepPlan& plan, const SliceSource& source, std::span<const float> parameters,
                           std::span<const float> statistics, std::span<float> new_statistics,
                           GradientSink& sink, Meeting& meeting) {
  Step step{plan, source, parameters, statistics, new_statistics, sink, meeting};
  std::fill(records_.begin(), records_.end(), 0.0);
  normalizations_.begin_step();
  weight_gradients_->begin_step();
  pool_.run(static_cast<std::int64_t>(network_.blocks().size()), [&](int worker, std::int64_t block) {
    profiler_.time(worker, Piece::prepare, index(block),
                   [&] { network_.prepare(index(block), parameters, /*training=*/true); });
  });

  const std::size_t last = network_.segment_count() - 1;
  for (std::size_t segment = 0; segment < last; ++segment) {
    each_group(step, segment, [&](Worker& worker) { forward(worker, segment); });
    meet_forward(step, segment);
  }
  // Nothing meets between the last segment's two directions: slices turn round while they are in the cache.
  each_group(step, last, [&](Worker& worker) {
    forward(worker, last);
    loss(worker);
    backward(worker, last);
  });
  weight_gradients_->form(plan, own_, sink, last);
  for (std::size_t segment = last; segment-- > 0;) {
    meet_backward(step, segment);
    each_group(step, segment, [&](Worker& worker) { backward(worker, segment); });
    weight_gradients_->form(plan, own_, sink, segment);
  }
  return conclude(step);
}

/// Lets the workers take the slices, a group of consecutive ones at a time.
void Executor::each_group(Step& step, std::size_t segment, FunctionRef<void(Worker&)> work) {
  const StepPlan& plan = step.plan;
  const std::int64_t group = groups_[segment], local = plan.last_slice - plan.first_slice;
  pool_.run((local + group - 1) / group, [&](int number, std::int64_t item) {
    Worker& worker = *workers_[index(number)];
    worker.runs.clear();
    for (std::int64_t i = item * group; i < std::min(local, (item + 1) * group); ++i) {
      if (plan.slice_samples(plan.first_slice + i) == 0) continue;
      const std::int64_t context = network_.segment_count() > 1 ? i : number * group + i % group;
      worker.runs.push_back(
          {step, plan.first_slice + i, i, contexts_[index(context)].data(), own_[index(i)].data()});
    }
    if (!worker.runs.empty()) work(worker);
  });
}

SliceArgs Executor::slice_args(const Worker& worker, const SliceRun& run, std::size_t i) const {
  SliceArgs args;
  args.samples = run.samples();
  args.training = true;
  args.random = {run.step.plan.seed, run.step.plan.step, run.step.plan.slice_begin(run.slice)};
  args.parameters = network_.blocks()[i].operands.data();
  args.batch_values = normalizations_.values(i, run.local_slice);
  args.input = run.at<float>(i == 0 ? plan_.input : plan_.outputs[i - 1]);
  args.saved = run.at<std::byte>(plan_.saved[i]);
  args.workspace = const_cast<std::byte*>(worker.workspace.data());
  return args;
}

void Executor::fill(Worker& worker) {
  profiler_.time(worker.number, Piece::input, 0, [&] {
    for (const SliceRun& run : worker.runs) {
      float* input = run.at<float>(plan_.input);
      run.step.source.fill(run.step.plan.slice_begin(run.slice), run.samples(), input,
                           run.at<std::int32_t>(plan_.labels));
      network_.round(input, run.samples() * network_.model().input.elements());
    }
  });
}

void Executor::forward(Worker& worker, std::size_t segment) {
  if (segment == 0) fill(worker);
  for (std::size_t i = network_.segments()[segment]; i < network_.segments()[segment + 1]; ++i) {
    worker.forward.clear();
    for (const SliceRun& run : worker.runs) {
      ForwardArgs& args = worker.forward.emplace_back(slice_args(worker, run, i));
      args.output = run.at<float>(plan_.outputs[i]);
      args.record = normalizations_.forward_record(i, run.slice);
    }
    profiler_.time(worker.number, Piece::forward, i, [&] { network_.forward(i, worker.forward); });
    for (const SliceRun& run : worker.runs) normalizations_.forward_done(i, run.slice, run.local_slice);
  }
}

void Executor::loss(Worker& worker) {
  for (const SliceRun& run : worker.runs) {
    LossArgs<float> args;
    args.samples = run.samples();
    args.classes = network_.model().output.elements();
    args.output = run.at<float>(plan_.outputs.back());
    args.labels = run.at<std::int32_t>(plan_.labels);
    args.gradient_scale = 1.0 / static_cast<double>(run.step.plan.samples);
    args.gradient = run.at<float>(plan_.grad_outputs.back());
    LossSums sums;
    profiler_.time(worker.number, Piece::loss, 0, [&] { sums = loss_(args); });
    network_.round(args.gradient, args.samples * args.classes);
    const auto record = record_of(run.slice);
    record[kSamples] = static_cast<double>(args.samples);
    record[kLoss] = sums.loss;
    record[kCorrect] = sums.correct;
    record[kTop5] = sums.top5;
  }
}

void Executor::backward(Worker& worker, std::size_t segment) {
  const std::size_t begin = std::max(network_.segments()[segment], first_trainable_);
  for (std::size_t i = network_.segments()[segment + 1]; i-- > begin;) backward_block(worker, i);
}

BackwardArgs Executor::backward_args(const Worker& worker, const SliceRun& run, std::size_t i) const {
  BackwardArgs args{slice_args(worker, run, i)};
  args.output = run.at<float>(plan_.outputs[i]);
  args.grad_output = run.at<float>(plan_.grad_outputs[i]);
  args.grad_input = i > first_trainable_ ? run.at<float>(plan_.grad_outputs[i - 1]) : nullptr;
  return args;
}

void Executor::backward_block(Worker& worker, std::size_t i) {
  const Block& block = network_.blocks()[i];
  // Without a gain from many slices, one after the other: their parameter gradients then share their place.
  const bool together = block.kernel->samples_at_once() > 0;
  for (std::size_t first = 0; first < worker.runs.size(); first += worker.backward.size()) {
    worker.backward.clear();
    const std::size_t last = together ? worker.runs.size() : first + 1;
    for (std::size_t r = first; r < last; ++r) {
      const SliceRun& run = worker.runs[r];
      BackwardArgs& args = worker.backward.emplace_back(backward_args(worker, run, i));
      args.grad_parameters = worker.gradient_views[r - first][i].data();
      args.record = normalizations_.backward_record(i, run.slice);
    }
    profiler_.time(worker.number, Piece::backward, i, [&] { network_.backward(i, worker.backward); });
    for (std::size_t r = first; r < last; ++r) {
      const SliceRun& run = worker.runs[r];
      normalizations_.backward_done(i, run.slice, run.local_slice);
      if (!block.parameters.empty())
        profiler_.time(worker.number, Piece::sum, i,
                       [&] { sum_gradients(run, i, worker.gradient_views[r - first][i]); });
    }
  }
}

void Executor::sum_gradients(const SliceRun& run, std::size_t i, std::span<void* const> gradients) {
  const Block& block = network_.blocks()[i];
  bool summed = true;
  for (std::size_t p = 0; p < block.parameters.size(); ++p)
    if (gradients[p])
      summed &= run.step.sink.add(block.parameters[p].offset, {static_cast<const float*>(gradients[p]),
                                                               index(block.parameters[p].shape.elements())});
  double& bad = record_of(run.slice)[kBadBlock];
  if (!summed) bad = std::max(bad, static_cast<double>(i + 1));
  if (!block.kernel->defers_weight_gradient()) run.step.sink.passed(block.parameters.front().offset);
}

void Executor::meet_forward(Step& step, std::size_t segment) {
  const std::size_t block = network_.segments()[segment + 1] - 1;
  const auto records = normalizations_.forward_records(block);
  profiler_.time(0, Piece::meeting, block, [&] { step.meeting.gather(records.values, records.width); });
  normalizations_.forward_gathered(block);
}

void Executor::meet_backward(Step& step, std::size_t segment) {
  const std::size_t block = network_.segments()[segment + 1] - 1;
  if (block < first_trainable_) return;  // the same on every rank
  const auto records = normalizations_.backward_records(block);
  profiler_.time(0, Piece::meeting, block, [&] { step.meeting.gather(records.values, records.width); });
  normalizations_.backward_gathered(block);
}

StepOutcome Executor::conclude(Step& step) {
  const StepPlan& plan = step.plan;
  for (std::int64_t slice = plan.first_slice; slice < plan.last_slice; ++slice) {
    const auto record = record_of(slice);
    normalizations_.write_step_record(slice, record.subspan(kRecordFields));
    record[kBadBlock] = std::max(record[kBadBlock], static_cast<double>(weight_gradients_->bad_block()));
  }
  profiler_.time(0, Piece::meeting, 0, [&] { step.meeting.gather(records_, record_width_); });
  StepOutcome outcome;
  double bad_block = 0;
  for (std::int64_t slice = 0; slice < plan.slices; ++slice) {
    const auto record = record_of(slice);
    outcome.loss += record[kLoss];
    outcome.accuracy += record[kCorrect];
    outcome.top5 += record[kTop5];
    bad_block = std::max(bad_block, record[kBadBlock]);
  }
  if (bad_block > 0)
    outcome.bad_layer = network_.blocks()[static_cast<std::size_t>(bad_block) - 1].layer_name();
  const double n = static_cast<double>(plan.samples);
  outcome.loss /= n;
  outcome.accuracy /= n;
  outcome.top5 /= n;
  normalizations_.move_statistics(std::span<const double>(records_).subspan(kRecordFields), record_width_,
                                  step.statistics, step.new_statistics);
  return outcome;
}

}  // namespace convoy
