#include "layers/executor.h"

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace convoy {

namespace {

// A slice's record for the whole batch: these, then the moments of batch normalizations that did not meet.
enum RecordField : std::size_t { kSamples, kLoss, kCorrect, kTop5, kBadBlock, kRecordFields };

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

/// Elements of a tile: what is formed at a time of a weight gradient. The sum fits the first-level cache.
constexpr std::int64_t kTileElements = 2048;

std::int64_t columns_of(const ParameterRange& weights) { return weights.shape.elements() / weights.shape[0]; }

std::int64_t tile_rows(const ParameterRange& weights) {
  const std::int64_t rows = kTileElements / columns_of(weights);
  return rows >= 16 ? rows / 16 * 16 : rows >= 8 ? 8 : 4;
}

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

std::int64_t StepPlan::present_slices() const {
  std::int64_t present = 0;
  for (std::int64_t slice = first_slice; slice < last_slice; ++slice) present += slice_samples(slice) > 0;
  return present;
}

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
  int worker;
  std::byte* context;
  std::byte* own;

  std::int64_t samples() const { return step.plan.slice_samples(slice); }
  template <class T>
  T* at(MemoryPlan::Place place) const {
    return reinterpret_cast<T*>((place.own ? own : context) + place.offset);
  }
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
  std::int64_t tile_elements = 0;
  for (const Block& block : blocks) {
    parameter_views_.emplace_back(block.parameters.size());
    if (!block.kernel->defers_weight_gradient()) continue;
    const ParameterRange& weights = block.parameters.front();
    tile_elements = std::max(tile_elements, tile_rows(weights) * columns_of(weights));
  }
  const std::int64_t contexts = network.segment_count() > 1 ? options.local_slices : pool.workers();
  for (std::int64_t i = 0; i < contexts; ++i) contexts_.emplace_back(plan_.context_bytes);
  for (std::int64_t i = 0; i < options.local_slices; ++i) own_.emplace_back(plan_.own_bytes);
  for (int i = 0; i < pool.workers(); ++i) {
    workspaces_.emplace_back(plan_.workspace_bytes);
    gradients_.emplace_back(index(plan_.parameter_gradient_elements) * sizeof(float));
    tiles_.emplace_back(index(tile_elements) * sizeof(std::int64_t));
    gradient_views_.push_back(views_of_gradients(blocks, gradients_.back().as<float>().data()));
  }
}

std::size_t Executor::memory_bytes() const {
  std::size_t bytes = 0;
  for (const auto* arenas : {&contexts_, &own_, &workspaces_, &gradients_, &tiles_})
    for (const Arena& arena : *arenas) bytes += arena.size();
  return bytes;
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
  bad_block_ = 0;
  for (std::size_t i = 0; i < parameter_views_.size(); ++i)
    std::ranges::transform(network_.blocks()[i].parameters, parameter_views_[i].begin(),
                           [&](const ParameterRange& range) { return parameters.data() + range.offset; });
  pool_.run(static_cast<std::int64_t>(network_.blocks().size()), [&](int worker, std::int64_t block) {
    profiler_.time(worker, Piece::prepare, index(block), [&] {
      network_.prepare(index(block), parameter_views_[index(block)].data(), /*training=*/true);
    });
  });

  const auto each_slice = [&](const auto& work) {
    pool_.run(plan.last_slice - plan.first_slice, [&](int worker, std::int64_t local) {
      const std::int64_t slice = plan.first_slice + local;
      if (plan.slice_samples(slice) == 0) return;
      const std::int64_t context = network_.segment_count() > 1 ? local : worker;
      SliceRun run{step, slice, local, worker, contexts_[index(context)].data(), own_[index(local)].data()};
      work(run);
    });
  };
  const std::size_t last = network_.segment_count() - 1;
  for (std::size_t segment = 0; segment < last; ++segment) {
    each_slice([&](SliceRun& run) { forward(run, segment); });
    meet_forward(step, segment);
  }
  // Nothing meets between the last segment's two directions: each slice turns round while it is in the cache.
  each_slice([&](SliceRun& run) {
    forward(run, last);
    loss(run);
    backward(run, last);
  });
  form_weight_gradients(step, last);
  for (std::size_t segment = last; segment-- > 0;) {
    meet_backward(step, segment);
    each_slice([&](SliceRun& run) { backward(run, segment); });
    form_weight_gradients(step, segment);
  }
  return conclude(step);
}

SliceArgs Executor::slice_args(const SliceRun& run, std::size_t i) const {
  SliceArgs args;
  args.samples = run.samples();
  args.training = true;
  args.random = {run.step.plan.seed, run.step.plan.step, run.step.plan.slice_begin(run.slice)};
  args.parameters = parameter_views_[i].data();
  args.batch_values = normalizations_.values(i, run.local_slice);
  args.input = run.at<float>(i == 0 ? plan_.input : plan_.outputs[i - 1]);
  args.saved = run.at<std::byte>(plan_.saved[i]);
  args.workspace = const_cast<std::byte*>(workspaces_[index(run.worker)].data());
  return args;
}

void Executor::forward(SliceRun& run, std::size_t segment) {
  if (segment == 0)
    profiler_.time(run.worker, Piece::input, 0, [&] {
      run.step.source.fill(run.step.plan.slice_begin(run.slice), run.samples(), run.at<float>(plan_.input),
                           run.at<std::int32_t>(plan_.labels));
    });
  for (std::size_t i = network_.segments()[segment]; i < network_.segments()[segment + 1]; ++i) {
    ForwardArgs args{slice_args(run, i)};
    args.output = run.at<float>(plan_.outputs[i]);
    args.record = normalizations_.forward_record(i, run.slice);
    profiler_.time(run.worker, Piece::forward, i, [&] { network_.blocks()[i].kernel->forward(args); });
    normalizations_.forward_done(i, run.slice, run.local_slice);
  }
}

void Executor::loss(SliceRun& run) {
  LossArgs<float> args;
  args.samples = run.samples();
  args.classes = network_.model().output.elements();
  args.output = run.at<float>(plan_.outputs.back());
  args.labels = run.at<std::int32_t>(plan_.labels);
  args.gradient_scale = 1.0 / static_cast<double>(run.step.plan.samples);
  args.gradient = run.at<float>(plan_.grad_outputs.back());
  LossSums sums;
  profiler_.time(run.worker, Piece::loss, 0, [&] { sums = loss_(args); });
  const auto record = record_of(run.slice);
  record[kSamples] = static_cast<double>(args.samples);
  record[kLoss] = sums.loss;
  record[kCorrect] = sums.correct;
  record[kTop5] = sums.top5;
}

void Executor::backward(SliceRun& run, std::size_t segment) {
  const std::size_t begin = std::max(network_.segments()[segment], first_trainable_);
  for (std::size_t i = network_.segments()[segment + 1]; i-- > begin;) backward_block(run, i);
}

void Executor::backward_block(SliceRun& run, std::size_t i) {
  const Block& block = network_.blocks()[i];
  BackwardArgs args{slice_args(run, i)};
  args.output = run.at<float>(plan_.outputs[i]);
  args.grad_parameters = gradient_views_[index(run.worker)][i].data();
  args.grad_output = run.at<float>(plan_.grad_outputs[i]);
  args.grad_input = i > first_trainable_ ? run.at<float>(plan_.grad_outputs[i - 1]) : nullptr;
  args.record = normalizations_.backward_record(i, run.slice);
  profiler_.time(run.worker, Piece::backward, i, [&] { block.kernel->backward(args); });
  normalizations_.backward_done(i, run.slice, run.local_slice);
  if (block.parameters.empty()) return;
  profiler_.time(run.worker, Piece::sum, i, [&] { sum_gradients(run, i); });
}

void Executor::sum_gradients(SliceRun& run, std::size_t i) {
  const Block& block = network_.blocks()[i];
  bool summed = true;
  for (std::size_t p = 0; p < block.parameters.size(); ++p)
    if (const void* gradient = gradient_views_[index(run.worker)][i][p])
      summed &= run.step.sink.add(block.parameters[p].offset, {static_cast<const float*>(gradient),
                                                               index(block.parameters[p].shape.elements())});
  double& bad = record_of(run.slice)[kBadBlock];
  if (!summed) bad = std::max(bad, static_cast<double>(i + 1));
  if (!block.kernel->defers_weight_gradient()) run.step.sink.passed(block.parameters.front().offset);
}

void Executor::form_weight_gradients(Step& step, std::size_t segment) {
  const std::int64_t present = step.plan.present_slices();
  if (present == 0) return;
  for (std::size_t i = network_.segments()[segment + 1]; i-- > network_.segments()[segment];) {
    if (!network_.blocks()[i].kernel->defers_weight_gradient()) continue;
    const ParameterRange& weights = network_.blocks()[i].parameters.front();
    find_deferred(step, i);
    const std::int64_t rows = tile_rows(weights);
    pool_.run((weights.shape[0] + rows - 1) / rows, [&](int worker, std::int64_t tile) {
      profiler_.time(worker, Piece::weight_gradient, i, [&] { form_tile(step, worker, i, tile * rows); });
    });
    for (std::int64_t slice = 0; slice < present; ++slice) step.sink.passed(weights.offset);
  }
}

/// Where this rank's slices keep what the block's weight gradient is formed from.
void Executor::find_deferred(const Step& step, std::size_t i) {
  deferred_.clear();
  for (std::int64_t slice = step.plan.first_slice; slice < step.plan.last_slice; ++slice) {
    const std::int64_t samples = step.plan.slice_samples(slice);
    if (samples == 0) continue;
    const std::byte* own = own_[index(slice - step.plan.first_slice)].data();
    deferred_.push_back({samples, own + (i == 0 ? plan_.input : plan_.outputs[i - 1]).offset,
                         own + plan_.grad_outputs[i].offset});
  }
}

void Executor::form_tile(Step& step, int worker, std::size_t i, std::int64_t first_row) {
  const Block& block = network_.blocks()[i];
  const ParameterRange& weights = block.parameters.front();
  WeightGradientArgs args;
  args.slices = deferred_;
  args.first_row = first_row;
  args.last_row = std::min(first_row + tile_rows(weights), weights.shape[0]);
  args.limit = step.sink.limit();
  const auto sum = tiles_[index(worker)].as<std::int64_t>().first(
      index((args.last_row - args.first_row) * columns_of(weights)));
  args.sum = sum.data();
  const bool summed = block.kernel->sum_weight_gradients(args);
  step.sink.set(weights.offset + first_row * columns_of(weights), sum);
  if (summed) return;
  std::size_t worst = bad_block_;
  while (worst < i + 1 && !bad_block_.compare_exchange_weak(worst, i + 1)) continue;
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
    record[kBadBlock] = std::max(record[kBadBlock], static_cast<double>(bad_block_.load()));
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
