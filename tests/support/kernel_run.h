#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/arena.h"
#include "core/backend.h"
#include "core/random.h"

namespace convoy::testing {

/// Reproducible numbers in [-1, 1).
inline std::vector<double> random_values(std::int64_t count, std::uint32_t stream) {
  std::vector<double> values(static_cast<std::size_t>(count));
  const RandomStream random(1, RandomPurpose::test, stream);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = 2.0 * static_cast<double>(uniform_float(random(0, 0, static_cast<std::uint32_t>(i))[0])) - 1;
  return values;
}

/// What a block computed for one slice, in double whatever its own type.
struct KernelResult {
  std::vector<double> output;
  std::vector<double> grad_input;
  std::vector<std::vector<double>> grad_parameters;
  std::vector<double> forward_record, backward_record;
};

/// What it is computed from.
struct KernelInput {
  std::int64_t samples = 1;
  std::vector<double> input;
  std::vector<double> grad_output;
  std::vector<std::vector<double>> parameters;
  std::vector<double> batch_values;
  bool training = true;
};

template <class T>
Arena arena_of(const std::vector<double>& values) {
  Arena arena(values.size() * sizeof(T) + kAlignment);
  std::transform(values.begin(), values.end(), arena.as<T>().begin(), [](double value) { return static_cast<T>(value); });
  return arena;
}
template <class T>
std::vector<double> values_of(const Arena& arena, std::size_t count) {
  const auto values = arena.as<T>().first(count);
  return {values.begin(), values.end()};
}

/// Runs a block forward and, where it was trained, backward.
template <class T>
KernelResult run_kernel(Kernel& kernel, std::span<const Op> block, const KernelInput& in) {
  const std::size_t outputs = static_cast<std::size_t>(in.samples * block.back().output.elements());
  std::vector<Arena> parameters, gradients;
  std::vector<const void*> parameter_views;
  std::vector<void*> gradient_views;
  for (const auto& values : in.parameters) {
    parameters.push_back(arena_of<T>(values));
    gradients.push_back(arena_of<T>(std::vector<double>(values.size(), 99.0)));
    parameter_views.push_back(parameters.back().data());
    gradient_views.push_back(gradients.back().data());
  }
  const Arena input = arena_of<T>(in.input);
  Arena output = arena_of<T>(std::vector<double>(outputs, 99.0));
  Arena grad_output = arena_of<T>(in.grad_output);
  Arena grad_input = arena_of<T>(std::vector<double>(in.input.size(), 99.0));

  kernel.plan(in.samples);
  kernel.prepare(parameter_views.data(), in.training);
  Arena saved(kernel.saved_bytes(in.samples) + kAlignment), workspace(kernel.workspace_bytes(in.samples) + kAlignment);
  KernelResult result;
  result.forward_record.resize(kernel.forward_record());
  result.backward_record.resize(kernel.backward_record());

  ForwardArgs forward;
  forward.samples = in.samples;
  forward.training = in.training;
  forward.random = {7, 3, 40};
  forward.parameters = parameter_views.data();
  forward.batch_values = in.batch_values.data();
  forward.input = input.data();
  forward.saved = saved.data();
  forward.workspace = workspace.data();
  forward.output = output.data();
  forward.record = result.forward_record.data();
  kernel.forward(forward);
  result.output = values_of<T>(output, outputs);
  if (!in.training) return result;

  BackwardArgs backward;
  static_cast<SliceArgs&>(backward) = forward;
  backward.output = output.data();
  backward.grad_output = grad_output.data();
  backward.grad_input = grad_input.data();
  backward.grad_parameters = gradient_views.data();
  backward.record = result.backward_record.data();
  kernel.backward(backward);
  result.grad_input = values_of<T>(grad_input, in.input.size());
  for (std::size_t i = 0; i < gradients.size(); ++i)
    result.grad_parameters.push_back(values_of<T>(gradients[i], in.parameters[i].size()));
  return result;
}

}  // namespace convoy::testing
