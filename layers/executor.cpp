#include "layers/executor.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/error.h"
#include "layers/batch_statistics.h"

namespace convoy {

namespace {

// A slice's record for the whole batch: these, then the moments of batch normalizations that did not meet.
enum RecordField : std::size_t { kSamples, kLoss, kCorrect, kTop5, kBadBlock, kRecordFields };

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

/// Splits off the record of slice j.
std::span<double> record_at(std::span<double> records, std::int64_t slice, std::int64_t width) {
  return records.subspan(index(slice * width), index(width));
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
  std::size_t gradient = 0;  ///< which of the two gradient places holds the current one

  std::int64_t samples() const { return step.plan.slice_samples(slice); }
  template <class T>
  T* at(std::size_t place) const {
    return reinterpret_cast<T*>(context + place);
  }
};

std::span<double> Executor::Normalization::values_of(std::int64_t local_slice) {
  const std::size_t size = index(4 * channels);
  return std::span(values).subspan(whole_batch ? 0 : index(local_slice) * size, size);
}

Executor::Executor(Network& network, WorkerPool& pool, LossFunction loss, const Options& options)
    : network_(network),
      pool_(pool),
      loss_(std::move(loss)),
      options_(options),
      plan_(network, options.slice_samples, /*training=*/true),
      record_width_(kRecordFields) {
  const auto blocks = network.blocks();
  while (first_trainable_ < blocks.size() && blocks[first_trainable_].parameters.empty()) ++first_trainable_;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (!blocks[i].moments) continue;
    Normalization site;
    site.moments_block = i;
    site.channels = blocks[i].ops.front().output[blocks[i].ops.front().output.rank() - 1];
    site.whole_batch = blocks[i].moments->statistics == BatchMomentsOp::Statistics::batch;
    site.records.resize(index(options.slices * moments_width(site.channels)));
    site.gradients.resize(index(options.slices * 2 * site.channels));
    site.values.resize(index((site.whole_batch ? 1 : options.local_slices) * 4 * site.channels));
    if (!site.whole_batch) record_width_ += moments_width(site.channels);
    normalizations_.push_back(std::move(site));
  }
  records_.resize(index(options.slices * record_width_));
  const std::int64_t contexts = network.segment_count() > 1 ? options.local_slices : pool.workers();
  for (std::int64_t i = 0; i < contexts; ++i) contexts_.emplace_back(plan_.bytes);
  for (const Block& block : blocks) parameter_views_.emplace_back(block.parameters.size());
  for (int i = 0; i < pool.workers(); ++i) {
    workspaces_.emplace_back(plan_.workspace_bytes);
    gradients_.emplace_back(index(plan_.parameter_gradient_elements) * sizeof(float));
    auto& views = gradient_views_.emplace_back();
    for (const Block& block : blocks) {
      float* place = gradients_.back().as<float>().data();
      auto& of_block = views.emplace_back();
      for (const ParameterRange& range : block.parameters) {
        of_block.push_back(place);
        place += (range.shape.elements() + 15) / 16 * 16;
      }
    }
  }
}

void Executor::start_profile() {
  const std::size_t blocks = network_.blocks().size();
  profiles_.assign(static_cast<std::size_t>(pool_.workers()),
                   Profile{std::vector<double>(blocks), std::vector<double>(blocks)});
}

Executor::Profile Executor::profile() const {
  const std::size_t blocks = network_.blocks().size();
  Profile sum{std::vector<double>(blocks), std::vector<double>(blocks)};
  for (const Profile& worker : profiles_) {
    for (std::size_t i = 0; i < blocks; ++i) {
      sum.forward[i] += worker.forward[i];
      sum.backward[i] += worker.backward[i];
    }
    sum.input += worker.input;
    sum.loss += worker.loss;
    sum.sum += worker.sum;
    sum.prepare += worker.prepare;
  }
  return sum;
}

template <class Place, class Work>
void Executor::timed(int worker, const Place& place, const Work& work) {
  if (profiles_.empty()) {
    work();
    return;
  }
  const auto start = std::chrono::steady_clock::now();
  work();
  place(profiles_[index(worker)]) +=
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::size_t Executor::memory_bytes() const {
  std::size_t bytes = 0;
  for (const auto* arenas : {&contexts_, &workspaces_, &gradients_})
    for (const Arena& arena : *arenas) bytes += arena.size();
  return bytes;
}

Executor::Normalization* Executor::normalization_at(std::size_t block) {
  const auto found = std::find_if(normalizations_.begin(), normalizations_.end(),
                                  [&](const Normalization& site) { return site.moments_block == block; });
  return found == normalizations_.end() ? nullptr : &*found;
}

StepOutcome Executor::step(const StepPlan& plan, const SliceSource& source, std::span<const float> parameters,
                           std::span<const float> statistics, std::span<float> new_statistics,
                           GradientSink& sink, Meeting& meeting) {
  Step step{plan, source, parameters, statistics, new_statistics, sink, meeting};
  std::fill(records_.begin(), records_.end(), 0.0);
  for (Normalization& site : normalizations_) {
    std::fill(site.records.begin(), site.records.end(), 0.0);
    std::fill(site.gradients.begin(), site.gradients.end(), 0.0);
  }
  for (std::size_t i = 0; i < parameter_views_.size(); ++i)
    std::ranges::transform(network_.blocks()[i].parameters, parameter_views_[i].begin(),
                           [&](const ParameterRange& range) { return parameters.data() + range.offset; });
  pool_.run(static_cast<std::int64_t>(network_.blocks().size()), [&](int worker, std::int64_t block) {
    timed(
        worker, [](Profile& p) -> double& { return p.prepare; },
        [&] { network_.prepare(index(block), parameter_views_[index(block)].data(), /*training=*/true); });
  });

  const auto each_slice = [&](const auto& work) {
    pool_.run(plan.last_slice - plan.first_slice, [&](int worker, std::int64_t local) {
      const std::int64_t slice = plan.first_slice + local;
      if (plan.slice_samples(slice) == 0) return;
      const std::int64_t context = network_.segment_count() > 1 ? local : worker;
      SliceRun run{step, slice, local, worker, contexts_[index(context)].data()};
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
  for (std::size_t segment = last; segment-- > 0;) {
    meet_backward(step, segment);
    each_slice([&](SliceRun& run) { backward(run, segment); });
  }
  return conclude(step);
}

SliceArgs Executor::slice_args(const SliceRun& run, std::size_t i) const {
  SliceArgs args;
  args.samples = run.samples();
  args.training = true;
  args.random = {run.step.plan.seed, run.step.plan.step, run.step.plan.slice_begin(run.slice)};
  args.parameters = parameter_views_[i].data();
  args.input = run.at<float>(i == 0 ? plan_.input : plan_.outputs[i - 1]);
  args.saved = run.at<std::byte>(plan_.saved[i]);
  args.workspace = const_cast<std::byte*>(workspaces_[index(run.worker)].data());
  return args;
}

void Executor::forward(SliceRun& run, std::size_t segment) {
  const auto blocks = network_.blocks();
  if (segment == 0)
    timed(
        run.worker, [](Profile& p) -> double& { return p.input; },
        [&] {
          run.step.source.fill(run.step.plan.slice_begin(run.slice), run.samples(),
                               run.at<float>(plan_.input), run.at<std::int32_t>(plan_.labels));
        });
  for (std::size_t i = network_.segments()[segment]; i < network_.segments()[segment + 1]; ++i) {
    const Block& block = blocks[i];
    ForwardArgs args{slice_args(run, i)};
    args.output = run.at<float>(plan_.outputs[i]);
    Normalization* site = block.moments ? normalization_at(i) : nullptr;
    if (site) args.record = record_at(site->records, run.slice, moments_width(site->channels)).data();
    if (block.normalize) args.batch_values = normalization_at(i - 1)->values_of(run.local_slice).data();
    timed(
        run.worker, [i](Profile& p) -> double& { return p.forward[i]; },
        [&] { block.kernel->forward(args); });
    if (site && !site->whole_batch)
      combine_moments(record_at(site->records, run.slice, moments_width(site->channels)), site->channels,
                      site->values_of(run.local_slice).first(index(2 * site->channels)));
  }
}

void Executor::loss(SliceRun& run) {
  const std::int64_t samples = run.samples();
  LossArgs<float> args;
  args.samples = samples;
  args.classes = network_.model().output.elements();
  args.output = run.at<float>(plan_.outputs.back());
  args.labels = run.at<std::int32_t>(plan_.labels);
  args.gradient_scale = 1.0 / static_cast<double>(run.step.plan.samples);
  args.gradient = run.at<float>(plan_.gradients[0]);
  LossSums sums;
  timed(
      run.worker, [](Profile& p) -> double& { return p.loss; }, [&] { sums = loss_(args); });
  const auto record = record_at(records_, run.slice, record_width_);
  record[kSamples] = static_cast<double>(samples);
  record[kLoss] = sums.loss;
  record[kCorrect] = sums.correct;
  record[kTop5] = sums.top5;
}

void Executor::backward(SliceRun& run, std::size_t segment) {
  const std::size_t begin = std::max(network_.segments()[segment], first_trainable_);
  const std::size_t end = network_.segments()[segment + 1];
  // Each block behind this segment has switched between the two places once.
  const std::size_t behind = network_.blocks().size() - end;
  run.gradient = behind % 2;
  for (std::size_t i = end; i-- > begin;) backward_block(run, i);
}

void Executor::backward_block(SliceRun& run, std::size_t i) {
  const Block& block = network_.blocks()[i];
  BackwardArgs args{slice_args(run, i)};
  args.output = run.at<float>(plan_.outputs[i]);
  args.grad_parameters = gradient_views_[index(run.worker)][i].data();
  args.grad_output = run.at<float>(plan_.gradients[run.gradient]);
  args.grad_input = i > first_trainable_ ? run.at<float>(plan_.gradients[1 - run.gradient]) : nullptr;
  Normalization* site = block.moments     ? normalization_at(i)
                        : block.normalize ? normalization_at(i - 1)
                                          : nullptr;
  if (site) args.batch_values = site->values_of(run.local_slice).data();
  if (block.normalize) args.record = record_at(site->gradients, run.slice, 2 * site->channels).data();
  timed(
      run.worker, [i](Profile& p) -> double& { return p.backward[i]; },
      [&] { block.kernel->backward(args); });
  run.gradient = 1 - run.gradient;
  if (block.normalize && !site->whole_batch) {
    const double count = record_at(site->records, run.slice, moments_width(site->channels))[0];
    combine_gradient_sums(record_at(site->gradients, run.slice, 2 * site->channels), site->channels, count,
                          site->values_of(run.local_slice).subspan(index(2 * site->channels)));
  }
  if (block.parameters.empty()) return;
  timed(
      run.worker, [](Profile& p) -> double& { return p.sum; }, [&] { sum_gradients(run, i); });
}

void Executor::sum_gradients(SliceRun& run, std::size_t i) {
  const auto& parameters = network_.blocks()[i].parameters;
  bool summed = true;
  for (std::size_t p = 0; p < parameters.size(); ++p)
    summed &= run.step.sink.add(parameters[p].offset,
                                {static_cast<const float*>(gradient_views_[index(run.worker)][i][p]),
                                 index(parameters[p].shape.elements())});
  double& bad = record_at(records_, run.slice, record_width_)[kBadBlock];
  if (!summed && bad == 0) bad = static_cast<double>(i + 1);
  run.step.sink.passed(parameters.front().offset);
}

void Executor::meet_forward(Step& step, std::size_t segment) {
  Normalization& site = *normalization_at(network_.segments()[segment + 1] - 1);
  step.meeting.gather(site.records, moments_width(site.channels));
  combine_moments(site.records, site.channels, site.values_of(0).first(index(2 * site.channels)));
}

void Executor::meet_backward(Step& step, std::size_t segment) {
  Normalization& site = *normalization_at(network_.segments()[segment + 1] - 1);
  if (site.moments_block < first_trainable_) return;  // the same on every rank
  step.meeting.gather(site.gradients, 2 * site.channels);
  double count = 0;
  for (std::int64_t slice = 0; slice < step.plan.slices; ++slice)
    count += record_at(site.records, slice, moments_width(site.channels))[0];
  combine_gradient_sums(site.gradients, site.channels, count,
                        site.values_of(0).subspan(index(2 * site.channels)));
}

StepOutcome Executor::conclude(Step& step) {
  const StepPlan& plan = step.plan;
  for (std::int64_t slice = plan.first_slice; slice < plan.last_slice; ++slice) {
    auto extra = record_at(records_, slice, record_width_).subspan(kRecordFields);
    for (Normalization& site : normalizations_) {
      if (site.whole_batch) continue;
      const auto record = record_at(site.records, slice, moments_width(site.channels));
      std::copy(record.begin(), record.end(), extra.begin());
      extra = extra.subspan(record.size());
    }
  }
  step.meeting.gather(records_, record_width_);
  StepOutcome outcome;
  for (std::int64_t slice = 0; slice < plan.slices; ++slice) {
    const auto record = record_at(records_, slice, record_width_);
    outcome.loss += record[kLoss];
    outcome.accuracy += record[kCorrect];
    outcome.top5 += record[kTop5];
    if (record[kBadBlock] > 0 && !outcome.bad_layer)
      outcome.bad_layer = network_.blocks()[static_cast<std::size_t>(record[kBadBlock]) - 1].layer_name();
  }
  const double n = static_cast<double>(plan.samples);
  outcome.loss /= n;
  outcome.accuracy /= n;
  outcome.top5 /= n;
  update_statistics(step);
  return outcome;
}

void Executor::update_statistics(Step& step) {
  std::copy(step.statistics.begin(), step.statistics.end(), step.new_statistics.begin());
  std::size_t extra = kRecordFields;
  for (Normalization& site : normalizations_) {
    const Op& op = network_.blocks()[site.moments_block].ops.front();
    const std::size_t channels = index(site.channels);
    std::vector<double> means(2 * channels,
                              0.0);  // of the slices' means and variances, weighted by their samples
    if (site.whole_batch) {
      std::copy_n(site.values.begin(), means.size(), means.begin());
    } else {
      double count = 0;
      for (std::int64_t slice = 0; slice < step.plan.slices; ++slice) {
        const auto record = record_at(records_, slice, record_width_).subspan(extra);
        if (record[0] == 0) continue;
        count += record[0];
        for (std::size_t i = 0; i < channels; ++i) {
          means[i] += record[0] * record[1 + i];
          means[channels + i] += record[1 + channels + i];
        }
      }
      for (double& value : means) value /= count;
      extra += index(moments_width(site.channels));
    }
    for (std::size_t half = 0; half < 2; ++half) {
      const std::size_t offset = index(op.statistics[half].offset);
      update_moving(
          step.statistics.subspan(offset, channels), std::span(means).subspan(half * channels, channels),
          std::get<BatchMomentsOp>(op.kind).momentum, step.new_statistics.subspan(offset, channels));
    }
  }
}

}  // namespace convoy
