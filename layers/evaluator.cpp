#include "layers/evaluator.h"

#include <algorithm>

namespace convoy {

namespace {

/// Lets the kernels prepare for every size of a slice; returns the largest.
std::int64_t plan_slices(Network& network, std::int64_t total) {
  std::int64_t largest = 0;
  for (const std::int64_t samples : {std::min(total, kEvaluationSlice), total % kEvaluationSlice}) {
    if (samples > 0) network.plan(samples);
    largest = std::max(largest, samples);
  }
  return largest;
}

}  // namespace

NetworkEvaluator::NetworkEvaluator(Network& network, WorkerPool& pool, std::int64_t total)
    : network_(network),
      pool_(pool),
      total_(total),
      plan_(network, plan_slices(network, total), /*training=*/false),
      batch_values_(network.blocks().size()),
      profiler_(pool.workers(), network.blocks().size()) {
  for (int i = 0; i < pool.workers(); ++i) {
    contexts_.emplace_back(plan_.context_bytes);
    workspaces_.emplace_back(plan_.workspace_bytes);
  }
}

std::size_t NetworkEvaluator::memory_bytes() const {
  std::size_t bytes = 0;
  for (const auto* arenas : {&contexts_, &workspaces_})
    for (const Arena& arena : *arenas) bytes += arena.size();
  return bytes;
}

void NetworkEvaluator::run(std::int64_t first_slice, std::int64_t last_slice, const SliceSource& source,
                           std::span<const float> parameters, std::span<const float> statistics,
                           Visit visit) {
  const auto blocks = network_.blocks();
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (!blocks[i].moments) continue;
    std::vector<double>& values = batch_values_[i + 1];  // NormalizeOp's, the block behind
    values.clear();
    for (const ParameterRange& range : blocks[i].ops.front().statistics) {
      const auto moving = statistics.subspan(static_cast<std::size_t>(range.offset),
                                             static_cast<std::size_t>(range.shape.elements()));
      values.insert(values.end(), moving.begin(), moving.end());
    }
  }
  pool_.run(static_cast<std::int64_t>(blocks.size()), [&](int worker, std::int64_t block) {
    const std::size_t i = static_cast<std::size_t>(block);
    profiler_.time(worker, Piece::prepare, i, [&] { network_.prepare(i, parameters, /*training=*/false); });
  });
  const std::int64_t classes = network_.model().output.elements();
  pool_.run(last_slice - first_slice, [&](int worker, std::int64_t item) {
    const std::int64_t slice = first_slice + item;
    const std::int64_t first = slice * kEvaluationSlice;
    const std::int64_t samples = std::min(kEvaluationSlice, total_ - first);
    run_slice(worker, first, samples, source);
    const std::byte* context = contexts_[static_cast<std::size_t>(worker)].data();
    EvaluatedSlice result;
    result.first = first;
    result.samples = samples;
    result.output = {reinterpret_cast<const float*>(context + plan_.outputs.back().offset),
                     static_cast<std::size_t>(samples * classes)};
    result.labels = {reinterpret_cast<const std::int32_t*>(context + plan_.labels.offset),
                     static_cast<std::size_t>(samples)};
    profiler_.time(worker, Piece::loss, 0, [&] { visit(slice, result); });
  });
}

void NetworkEvaluator::run_slice(int worker, std::int64_t first, std::int64_t samples,
                                 const SliceSource& source) {
  std::byte* context = contexts_[static_cast<std::size_t>(worker)].data();
  profiler_.time(worker, Piece::input, 0, [&] {
    float* input = reinterpret_cast<float*>(context + plan_.input.offset);
    source.fill(first, samples, input, reinterpret_cast<std::int32_t*>(context + plan_.labels.offset));
    network_.round(input, samples * network_.model().input.elements());
  });
  const auto blocks = network_.blocks();
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (blocks[i].moments) continue;  // measures what evaluation does not use
    ForwardArgs args;
    args.samples = samples;
    args.parameters = blocks[i].operands.data();
    args.batch_values = batch_values_[i].data();
    args.input = context + (i == 0 ? plan_.input : plan_.outputs[i - 1]).offset;
    args.output = context + plan_.outputs[i].offset;
    args.workspace = workspaces_[static_cast<std::size_t>(worker)].data();
    profiler_.time(worker, Piece::forward, i, [&] { network_.forward(i, {&args, 1}); });
  }
}

}  // namespace convoy
