#pragma once

#include <gtest/gtest.h>
#include <string>

#include "core/cuda/memory.h"
#include "core/cuda/storage.h"
#include "tests/core/cpu/kernel_runner.h"
#include "tests/core/cuda/device_values.h"

namespace convoy::cuda::test {

/// For the names of parameterised tests.
inline std::string name_of_storage(const testing::TestParamInfo<Storage>& storage) {
  return storage.param == Storage::float32 ? "Float32" : "Bfloat16";
}

/// `opened`: the stream to use, else one of its own. What convoy::test::run() is for the CPU: prepare,
/// forward and backward of one slice, with the same draws.
inline convoy::test::Results run(DeviceKernel& kernel, std::span<const Op> block, std::int64_t samples,
                                 const convoy::test::Numbers& numbers, Storage storage,
                                 const convoy::test::RunOptions& options = {},
                                 const Stream* opened = nullptr) {
  const Stream own;
  const Stream& stream = opened ? *opened : own;
  const auto bytes = [&](const Shape& shape) {
    return static_cast<std::size_t>(samples * shape.elements()) * size_of(storage);
  };
  StepValues values;
  values.seed = options.random.seed;
  values.step = options.random.step;
  const DeviceMemory step = on_device(std::vector<StepValues>{values}),
                     input = in_storage(numbers.input, storage),
                     grad_output = in_storage(numbers.grad_output, storage),
                     batch_values = on_device(numbers.batch_values), output(bytes(block.back().output)),
                     grad_input(bytes(block.front().input));
  std::vector<DeviceMemory> parameters, gradients;
  std::vector<const float*> parameter_places;
  std::vector<float*> gradient_places;
  for (const std::vector<double>& parameter : numbers.parameters) {
    parameters.push_back(in_storage(parameter, Storage::float32));
    gradients.emplace_back(parameter.size() * sizeof(float));
    parameter_places.push_back(parameters.back().as<float>());
    gradient_places.push_back(gradients.back().as<float>());
  }
  const std::int64_t channels = block.front().input[block.front().input.rank() - 1];
  const DeviceMemory forward_record(static_cast<std::size_t>(1 + 2 * channels) * sizeof(double)),
      backward_record(static_cast<std::size_t>(2 * channels) * sizeof(double));

  kernel.plan(samples);
  const DeviceMemory saved(kernel.saved_bytes(samples)), workspace(kernel.workspace_bytes(samples));
  DeviceSliceArgs slice;
  slice.samples = samples;
  slice.training = options.training;
  slice.step = step.as<StepValues>();
  slice.first_position = options.random.first_position;
  slice.parameters = parameter_places.data();
  slice.batch_values = batch_values.as<double>();
  slice.input = input.data();
  slice.saved = saved.data();
  slice.workspace = workspace.data();
  kernel.prepare(stream, slice.parameters);
  kernel.forward(stream, {slice, output.data(), forward_record.as<double>()});
  convoy::test::Results results;
  if (options.training) {
    DeviceBackwardArgs backward{slice};
    backward.output = output.data();
    backward.grad_output = grad_output.data();
    backward.grad_input = options.want_grad_input ? grad_input.data() : nullptr;
    backward.grad_parameters = gradient_places.data();
    backward.record = backward_record.as<double>();
    kernel.backward(stream, backward);
  }
  stream.synchronize();
  results.output = from_storage(output, storage);
  if (!options.training) return results;
  if (options.want_grad_input) results.grad_input = from_storage(grad_input, storage);
  for (const DeviceMemory& gradient : gradients)
    results.grad_parameters.push_back(from_storage(gradient, Storage::float32));
  if (std::holds_alternative<BatchMomentsOp>(block.front().kind))
    results.forward_record = on_host<double>(forward_record);
  if (std::holds_alternative<NormalizeOp>(block.front().kind))
    results.backward_record = on_host<double>(backward_record);
  return results;
}

}  // namespace convoy::cuda::test
