#include "layers/weight_gradients.h"

#include <algorithm>
#include <utility>

#include "core/weight_matrix.h"

namespace convoy {

namespace {

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

WeightMatrix matrix_of(const Block& block) {
  return {block.parameters.front().shape, block.kernel->weight_gradient_parts()};
}

}  // namespace

WeightGradients::WeightGradients(const Network& network, const MemoryPlan& memory, WorkerPool& pool,
                                 Profiler& profiler, std::vector<void*> workspaces)
    : network_(network),
      memory_(memory),
      pool_(pool),
      profiler_(profiler),
      workspaces_(std::move(workspaces)) {
  std::int64_t largest = 0;
  for (const Block& block : network.blocks()) {
    if (!block.kernel->defers_weight_gradient()) continue;
    largest = std::max(largest, matrix_of(block).part_elements());
  }
  for (std::size_t i = 0; i < workspaces_.size(); ++i)
    sums_.emplace_back(index(largest) * sizeof(std::int64_t));
}

std::size_t WeightGradients::memory_bytes() const {
  std::size_t bytes = 0;
  for (const Arena& sum : sums_) bytes += sum.size();
  return bytes;
}

void WeightGradients::form(const StepPlan& plan, std::span<const Arena> own, GradientSink& sink,
                           std::size_t segment) {
  const std::int64_t present = plan.present_slices();
  if (present == 0) return;
  for (std::size_t i = network_.segments()[segment + 1]; i-- > network_.segments()[segment];) {
    const Block& block = network_.blocks()[i];
    if (!block.kernel->defers_weight_gradient()) continue;
    find_slices(plan, own, i);
    const WeightMatrix matrix = matrix_of(block);
    pool_.run(matrix.count(), [&](int worker, std::int64_t number) {
      profiler_.time(worker, Piece::weight_gradient, i,
                     [&] { form_part(sink, worker, i, matrix.part(number)); });
    });
    for (std::int64_t slice = 0; slice < present; ++slice) sink.passed(block.parameters.front().offset);
  }
}

/// Where this rank's slices keep what the block's weight gradient is formed from.
void WeightGradients::find_slices(const StepPlan& plan, std::span<const Arena> own, std::size_t i) {
  slices_.clear();
  for (std::int64_t slice = plan.first_slice; slice < plan.last_slice; ++slice) {
    const std::int64_t samples = plan.slice_samples(slice);
    if (samples == 0) continue;
    const std::byte* memory = own[index(slice - plan.first_slice)].data();
    slices_.push_back({samples, memory + (i == 0 ? memory_.input : memory_.outputs[i - 1]).offset,
                       memory + memory_.grad_outputs[i].offset});
  }
}

void WeightGradients::form_part(GradientSink& sink, int worker, std::size_t i,
                                const WeightGradientPart& part) {
  const Block& block = network_.blocks()[i];
  WeightGradientArgs args;
  args.slices = slices_;
  args.part = part;
  args.limit = sink.limit();
  args.workspace = workspaces_[static_cast<std::size_t>(worker)];
  const auto sums = sums_[static_cast<std::size_t>(worker)].as<std::int64_t>();
  args.sum = sums.data();
  const bool summed = block.kernel->sum_weight_gradients(args);
  matrix_of(block).each_run(part, [&](std::int64_t offset, std::int64_t first, std::int64_t count) {
    sink.set(block.parameters.front().offset + offset, sums.subspan(index(first), index(count)));
  });
  if (summed) return;
  std::size_t worst = bad_block_;
  while (worst < i + 1 && !bad_block_.compare_exchange_weak(worst, i + 1)) continue;
}

}  // namespace convoy
