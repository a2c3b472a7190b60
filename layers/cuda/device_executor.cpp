#include "layers/cuda/device_executor.h"

#include <algorithm>
#include <array>

#include "core/arena.h"
#include "core/cuda/kernels/layout.h"
#include "core/cuda/kernels/loss.h"
#include "core/cuda/kernels/step.h"
#include "core/cuda/storage.h"

namespace convoy {

namespace {

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

/// Where pointers into a context begin: what cuDNN and vector loads like.
std::size_t aligned(std::size_t bytes) { return (bytes + 255) / 256 * 256; }

}  // namespace

struct DeviceExecutor::Lane {
  cuda::Stream stream;
  cuda::Event done;
  cuda::DeviceMemory workspace;
  cuda::DeviceMemory gradients;  ///< of a block's parameters, until they are added up
};

struct DeviceExecutor::Slice {
  std::byte* context;

  void* at(std::size_t offset) const { return context + offset; }
  std::int32_t* labels(std::size_t offset) const { return reinterpret_cast<std::int32_t*>(context + offset); }
};

DeviceExecutor::DeviceExecutor(const DeviceNetwork& network, cuda::Collectives& collectives,
                               const Options& options)
    : network_(network),
      collectives_(collectives),
      options_(options),
      normalizations_(network, options.slices, options.local_slices),
      losses_(index(options.slices) * sizeof(cuda::SliceLoss)) {
  lay_out();
  const std::int64_t lanes = std::clamp<std::int64_t>(options.local_slices, 1, options.streams);
  for (std::int64_t i = 0; i < lanes; ++i) {
    auto lane = std::make_unique<Lane>();
    network.open(lane->stream);
    lane->workspace = cuda::DeviceMemory(workspace_bytes_);
    lane->gradients = cuda::DeviceMemory(gradient_elements_ * sizeof(float));
    lanes_.push_back(std::move(lane));
  }
  const std::int64_t contexts = network.segment_count() > 1 ? options.local_slices : lanes;
  for (std::int64_t i = 0; i < contexts; ++i) contexts_.emplace_back(context_bytes_);
}

DeviceExecutor::~DeviceExecutor() = default;

/// Every tensor of a slice has a place of its own, but for gradients, which alternate between two.
void DeviceExecutor::lay_out() {
  const auto place = [&](std::size_t bytes) {
    const std::size_t offset = context_bytes_;
    context_bytes_ += aligned(bytes);
    return offset;
  };
  const std::int64_t samples = options_.slice_samples;
  const auto tensor = [&](std::int64_t elements) {
    return index(samples * elements) * cuda::size_of(network_.storage());
  };
  const auto blocks = network_.blocks();
  std::size_t widest = tensor(network_.model().input.elements());
  for (const DeviceBlock& block : blocks) widest = std::max(widest, tensor(block.output_elements()));
  input_ = place(tensor(network_.model().input.elements()));
  labels_ = place(index(samples) * sizeof(std::int32_t));
  sample_losses_ = place(index(samples) * sizeof(cuda::SliceLoss));
  const std::array<std::size_t, 2> alternating{place(widest), place(widest)};
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    // A block that only measures passes its input on.
    outputs_.push_back(!blocks[i].moments ? place(tensor(blocks[i].output_elements()))
                       : i == 0           ? input_
                                          : outputs_.back());
    saved_.push_back(place(blocks[i].kernel->saved_bytes(samples)));
    grad_outputs_.push_back(alternating[(blocks.size() - i) % 2]);
    workspace_bytes_ = std::max(workspace_bytes_, blocks[i].kernel->workspace_bytes(samples));
    std::size_t gradient = 0;
    for (const ParameterRange& range : blocks[i].parameters)
      gradient += (index(range.shape.elements()) + 63) / 64 * 64;
    gradient_elements_ = std::max(gradient_elements_, gradient);
  }
  grad_input_ = alternating[(blocks.size() + 1) % 2];
}

std::size_t DeviceExecutor::memory_bytes() const {
  std::size_t bytes = losses_.size() + normalizations_.memory_bytes() + contexts_.size() * context_bytes_;
  for (const auto& lane : lanes_) bytes += lane->workspace.size() + lane->gradients.size();
  return bytes;
}

DeviceExecutor::Lane& DeviceExecutor::lane_of(std::int64_t local_slice) const {
  return *lanes_[index(local_slice) % lanes_.size()];
}

DeviceExecutor::Slice DeviceExecutor::slice_at(std::int64_t local_slice) const {
  return {contexts_[index(local_slice) % contexts_.size()].data()};
}

/// Lets the lanes take the slices, one after the other, between what is queued in `main` before and after.
template <class Work>
void DeviceExecutor::each_slice(const cuda::Stream& main, const StepPlan& plan, const Work& work) {
  begun_.record(main);
  for (const auto& lane : lanes_) lane->stream.wait(begun_);
  for (std::int64_t slice = plan.first_slice; slice < plan.last_slice; ++slice)
    if (plan.slice_samples(slice) > 0) work(slice);
  for (const auto& lane : lanes_) {
    lane->done.record(lane->stream);
    main.wait(lane->done);
  }
}

void DeviceExecutor::queue(const cuda::Stream& main, const StepPlan& plan, const Step& step,
                           const DeviceSource& source, DeviceSink& sink) {
  cuda::StepState* own = step.states + collectives_.rank();
  cuda::begin_step(main, own);
  cuda::clear(main, losses_.data(), losses_.size());
  normalizations_.begin_step(main);
  network_.prepare(main, step.parameters);
  const std::size_t last = network_.segment_count() - 1;
  for (std::size_t segment = 0; segment <= last; ++segment) {
    const std::size_t meeting = network_.segments()[segment + 1] - 1;
    each_slice(main, plan, [&](std::int64_t slice) {
      const std::int64_t local = slice - plan.first_slice;
      if (segment == 0)
        source.fill(lane_of(local).stream, step.values, plan.slice_begin(slice), plan.slice_samples(slice),
                    slice_at(local).at(input_), slice_at(local).labels(labels_));
      forward(plan, step, slice, segment);
      if (segment < last) return;
      loss(plan, slice);
      backward(plan, step, slice, last, sink);
    });
    if (segment == last) break;
    const auto records = normalizations_.forward_records(meeting);
    gather(main, records.values, index(records.width) * sizeof(double));
    normalizations_.forward_gathered(main, meeting);
  }
  for (std::size_t segment = last; segment-- > 0;) {
    const std::size_t meeting = network_.segments()[segment + 1] - 1;
    if (meeting < network_.first_trainable()) break;  // the same on every rank
    const auto records = normalizations_.backward_records(meeting);
    gather(main, records.values, index(records.width) * sizeof(double));
    normalizations_.backward_gathered(main, meeting);
    each_slice(main, plan, [&](std::int64_t slice) { backward(plan, step, slice, segment, sink); });
  }
  conclude(main, plan, step);
}

cuda::DeviceSliceArgs DeviceExecutor::slice_args(const StepPlan& plan, const Step& step, std::int64_t slice,
                                                 std::size_t i, const float* const* operands) const {
  const std::int64_t local = slice - plan.first_slice;
  const Slice memory = slice_at(local);
  cuda::DeviceSliceArgs args;
  args.samples = plan.slice_samples(slice);
  args.training = true;
  args.step = step.values;
  args.first_position = plan.slice_begin(slice);
  args.parameters = operands;
  args.batch_values = normalizations_.values(i, local);
  args.input = memory.at(i == 0 ? input_ : outputs_[i - 1]);
  args.saved = memory.at(saved_[i]);
  args.workspace = lane_of(local).workspace.data();
  return args;
}

void DeviceExecutor::forward(const StepPlan& plan, const Step& step, std::int64_t slice,
                             std::size_t segment) {
  const std::int64_t local = slice - plan.first_slice;
  const cuda::Stream& stream = lane_of(local).stream;
  for (std::size_t i = network_.segments()[segment]; i < network_.segments()[segment + 1]; ++i) {
    const std::vector<const float*> operands = network_.operands(i, step.parameters);
    cuda::DeviceForwardArgs args{slice_args(plan, step, slice, i, operands.data())};
    args.output = slice_at(local).at(outputs_[i]);
    args.record = normalizations_.forward_record(i, slice);
    network_.blocks()[i].kernel->forward(stream, args);
    normalizations_.forward_done(stream, i, slice, local);
  }
}

void DeviceExecutor::loss(const StepPlan& plan, std::int64_t slice) {
  const std::int64_t local = slice - plan.first_slice;
  const Slice memory = slice_at(local);
  const cuda::Stream& stream = lane_of(local).stream;
  cuda::DeviceLossArgs args;
  args.samples = plan.slice_samples(slice);
  args.classes = network_.model().output.elements();
  args.output = memory.at(outputs_.back());
  args.labels = memory.labels(labels_);
  args.gradient_scale = 1.0 / static_cast<double>(plan.samples);
  args.gradient = memory.at(grad_outputs_.back());
  args.of_samples = static_cast<cuda::SliceLoss*>(memory.at(sample_losses_));
  args.sums = losses_.as<cuda::SliceLoss>() + slice;
  cuda::sparse_categorical_crossentropy(stream, options_.loss, args, network_.storage());
}

void DeviceExecutor::backward(const StepPlan& plan, const Step& step, std::int64_t slice, std::size_t segment,
                              DeviceSink& sink) {
  const std::int64_t local = slice - plan.first_slice;
  const Slice memory = slice_at(local);
  const Lane& lane = lane_of(local);
  const std::size_t first = network_.first_trainable();
  for (std::size_t i = network_.segments()[segment + 1];
       i-- > std::max(network_.segments()[segment], first);) {
    const DeviceBlock& block = network_.blocks()[i];
    const std::vector<const float*> operands = network_.operands(i, step.parameters);
    std::vector<float*> gradients;
    float* place = lane.gradients.as<float>();
    for (const ParameterRange& range : block.parameters) {
      gradients.push_back(place);
      place += (range.shape.elements() + 63) / 64 * 64;
    }
    cuda::DeviceBackwardArgs args{slice_args(plan, step, slice, i, operands.data())};
    args.output = memory.at(outputs_[i]);
    args.grad_output = memory.at(grad_outputs_[i]);
    args.grad_input = i > first ? memory.at(grad_outputs_[i - 1]) : nullptr;
    args.grad_parameters = gradients.data();
    args.record = normalizations_.backward_record(i, slice);
    block.kernel->backward(lane.stream, args);
    normalizations_.backward_done(lane.stream, i, slice, local);
    if (block.parameters.empty()) continue;
    for (std::size_t p = 0; p < gradients.size(); ++p)
      sink.add(lane.stream, i, block.parameters[p].offset, gradients[p],
               block.parameters[p].shape.elements());
    sink.passed(lane.stream, block.parameters.front().offset);
  }
}

/// All ranks' records of their slices, `width` bytes each.
void DeviceExecutor::gather(const cuda::Stream& stream, void* records, std::size_t width) const {
  std::vector<std::int64_t> bytes;
  const std::int64_t ranks = collectives_.size();
  for (std::int64_t rank = 0; rank < ranks; ++rank)
    bytes.push_back(((rank + 1) * options_.slices / ranks - rank * options_.slices / ranks) *
                    static_cast<std::int64_t>(width));
  collectives_.all_gather(stream, static_cast<std::byte*>(records), bytes);
}

void DeviceExecutor::conclude(const cuda::Stream& main, const StepPlan&, const Step& step) {
  gather(main, losses_.data(), sizeof(cuda::SliceLoss));
  for (const auto& records : normalizations_.slice_records())
    gather(main, records.values, index(records.width) * sizeof(double));
  const std::vector<std::int64_t> bytes(index(collectives_.size()), sizeof(cuda::StepState));
  collectives_.all_gather(main, reinterpret_cast<std::byte*>(step.states), bytes);
  cuda::conclude(main, losses_.as<cuda::SliceLoss>(), options_.slices, step.states, collectives_.size(),
                 step.values, step.states + collectives_.rank(), step.reports);
  normalizations_.move_statistics(main, step.statistics, step.new_statistics);
}

}  // namespace convoy
