#pragma once

#include <algorithm>
#include <gtest/gtest.h>
#include <span>
#include <vector>

#include "core/arena.h"
#include "core/weight_matrix.h"
#include "layers/batch_statistics.h"
#include "layers/network.h"

namespace convoy::testing {

/// Runs a network's kernels for one slice that is the whole batch, and keeps what the executor does not: the
/// input's gradient.
class NetworkRunner {
 public:
  NetworkRunner(Network& network, std::int64_t samples)
      : network_(network),
        samples_(samples),
        plan_((network.plan(samples), network), samples, /*training=*/true),
        context_(plan_.context_bytes),
        own_(plan_.own_bytes + kAlignment),
        workspace_(plan_.workspace_bytes + kAlignment),
        parameters_(bytes(network.model().parameter_elements)),
        gradients_(bytes(network.model().parameter_elements)),
        values_(network.blocks().size()) {}

  /// The parameters' arena, to be filled, and their gradients.
  std::span<float> parameters() { return parameters_.as<float>(); }
  std::span<const float> gradients() const { return gradients_.as<float>(); }

  std::vector<float> forward(std::span<const float> input) {
    std::copy(input.begin(), input.end(), at(plan_.input));
    network_.round(at(plan_.input), std::ssize(input));
    for (std::size_t i = 0; i < values_.size(); ++i) {
      network_.prepare(i, parameters(), true);
      forward(i);
    }
    return read(plan_.outputs.back(), network_.model().output.elements());
  }

  /// From the output's gradient to the input's.
  std::vector<float> backward(std::span<const float> grad_output) {
    std::copy(grad_output.begin(), grad_output.end(), at(plan_.grad_outputs.back()));
    network_.round(at(plan_.grad_outputs.back()), std::ssize(grad_output));
    for (std::size_t i = values_.size(); i-- > 0;) backward(i);
    return read(plan_.grad_input, network_.model().input.elements());
  }

  /// The statistics that follow from the forward pass.
  std::vector<float> moved(std::span<const float> statistics) const {
    std::vector<float> result(statistics.begin(), statistics.end());
    for (std::size_t i = 0; i < values_.size(); ++i) {
      const Block& block = network_.blocks()[i];
      if (!block.moments) continue;
      for (std::size_t half = 0; half < 2; ++half) {
        const std::size_t channels = values_[i].size() / 4;
        const auto offset = static_cast<std::size_t>(block.ops.front().statistics[half].offset);
        update_moving(statistics.subspan(offset, channels),
                      std::span(values_[i]).subspan(half * channels, channels), block.moments->momentum,
                      std::span(result).subspan(offset, channels));
      }
    }
    return result;
  }

 private:
  static std::size_t bytes(std::int64_t elements) {
    return static_cast<std::size_t>(elements) * sizeof(float) + kAlignment;
  }
  float* at(MemoryPlan::Place place) {
    return reinterpret_cast<float*>((place.own ? own_ : context_).data() + place.offset);
  }
  std::vector<float> read(MemoryPlan::Place place, std::int64_t elements) {
    return {at(place), at(place) + samples_ * elements};
  }

  void fill(std::size_t i, SliceArgs& args) {
    args.samples = samples_;
    args.training = true;
    args.parameters = network_.blocks()[i].operands.data();
    args.batch_values = values_[i].data();
    args.input = at(i == 0 ? plan_.input : plan_.outputs[i - 1]);
    args.saved = at(plan_.saved[i]);
    args.workspace = workspace_.data();
  }

  void forward(std::size_t i) {
    const Block& block = network_.blocks()[i];
    std::vector<double> record(block.kernel->forward_record());
    ForwardArgs args;
    if (block.normalize) values_[i] = values_[i - 1];
    fill(i, args);
    args.output = at(plan_.outputs[i]);
    args.record = record.data();
    network_.forward(i, {&args, 1});
    if (!block.moments) return;
    const std::size_t channels = record.size() / 2;
    values_[i].assign(4 * channels, 0.0);
    combine_moments(record, static_cast<std::int64_t>(channels), std::span(values_[i]).first(2 * channels));
  }

  void backward(std::size_t i) {
    const Block& block = network_.blocks()[i];
    std::vector<double> record(block.kernel->backward_record());
    std::vector<void*> gradients;
    for (const ParameterRange& range : block.parameters)
      gradients.push_back(gradients_.as<float>().data() + range.offset);
    BackwardArgs args;
    fill(i, args);
    args.output = at(plan_.outputs[i]);
    args.grad_output = at(plan_.grad_outputs[i]);
    args.grad_input = at(i == 0 ? plan_.grad_input : plan_.grad_outputs[i - 1]);
    args.grad_parameters = gradients.data();
    args.record = record.data();
    network_.backward(i, {&args, 1});
    if (block.kernel->defers_weight_gradient()) {
      const WeightMatrix matrix(block.parameters.front().shape, block.kernel->weight_gradient_parts());
      std::vector<std::int64_t> sum(static_cast<std::size_t>(matrix.part_elements()));
      const WeightGradientArgs::Slice slice{samples_, args.input, args.grad_output};
      for (std::int64_t number = 0; number < matrix.count(); ++number) {
        const WeightGradientPart part = matrix.part(number);
        EXPECT_TRUE(
            block.kernel->sum_weight_gradients({{&slice, 1}, part, 0x1p19F, workspace_.data(), sum.data()}));
        matrix.each_run(part, [&](std::int64_t offset, std::int64_t first, std::int64_t count) {
          std::transform(
              sum.data() + first, sum.data() + first + count, static_cast<float*>(gradients.front()) + offset,
              [](std::int64_t value) { return static_cast<float>(static_cast<double>(value) * 0x1p-44); });
        });
      }
    }
    if (!block.normalize) return;
    const std::size_t channels = record.size() / 2;
    const double count =
        static_cast<double>(samples_ * block.input_elements()) / static_cast<double>(channels);
    combine_gradient_sums(record, static_cast<std::int64_t>(channels), count,
                          std::span(values_[i - 1]).subspan(2 * channels));
  }

  Network& network_;
  std::int64_t samples_;
  MemoryPlan plan_;
  Arena context_, own_, workspace_, parameters_, gradients_;
  std::vector<std::vector<double>> values_;  ///< one a block: mean, variance, a, b where it normalizes
};

}  // namespace convoy::testing
