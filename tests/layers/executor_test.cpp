#include "layers/executor.h"

#include <cmath>
#include <gtest/gtest.h>
#include <mutex>

#include "core/cpu/isa.h"
#include "tests/support/layer_draw.h"
#include "tests/support/model_from_yaml.h"
#include "tests/support/serial_runner.h"

namespace convoy {
namespace {

constexpr std::uint64_t kSeed = 7, kStep = 3;  // those of the serial runner
constexpr std::int64_t kSamples = 10, kSlices = 4;

constexpr const char* kEveryLayer = R"(
input_shape: [12, 10, 3]
layers:
  - conv2d: {filters: 6, kernel_size: 3, strides: 2, padding: same, use_bias: false}
  - batch_normalization
  - leaky_relu
  - depthwise_conv2d: {kernel_size: 3, padding: same, activation: tanh}
  - batch_normalization: {statistics: slice, scale: false}
  - zero_padding2d
  - max_pooling2d: {pool_size: 3, strides: 2, padding: same}
  - conv2d: {filters: 8, kernel_size: [1, 3], groups: 2, activation: gelu}
  - dropout: {rate: 0.3}
  - average_pooling2d: {pool_size: 2, strides: 1}
  - batch_normalization: {center: false}
  - flatten
  - dense: {units: 12, activation: sigmoid}
  - dense: {units: 10}
)";

/// The same pictures and labels in float, for the executor, and by slices in double, for the serial runner.
class Batch : public SliceSource {
 public:
  explicit Batch(const Model& model) : elements_(static_cast<std::size_t>(model.input.elements())) {
    for (double value : testing::random_values(kSamples * model.input.elements(), 20))
      pixels_.push_back(static_cast<float>(value));
  }
  static std::int32_t label(std::int64_t sample) { return static_cast<std::int32_t>(sample * 7 % 10); }
  void fill(std::int64_t first, std::int64_t samples, float* input, std::int32_t* labels) const override {
    const auto begin =
        pixels_.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(first) * elements_);
    std::copy_n(begin, static_cast<std::size_t>(samples) * elements_, input);
    for (std::int64_t i = 0; i < samples; ++i) labels[i] = label(first + i);
  }
  std::vector<std::vector<double>> slices(const StepPlan& plan) const {
    std::vector<std::vector<double>> all;
    for (std::int64_t s = 0; s < plan.slices; ++s) {
      const auto begin = pixels_.begin() + plan.slice_begin(s) * static_cast<std::int64_t>(elements_);
      all.emplace_back(begin, begin + plan.slice_samples(s) * static_cast<std::int64_t>(elements_));
    }
    return all;
  }

 private:
  std::size_t elements_;
  std::vector<float> pixels_;
};

class SumOfGradients : public GradientSink {
 public:
  explicit SumOfGradients(std::int64_t elements) : sums(static_cast<std::size_t>(elements)) {}
  bool add(std::int64_t offset, std::span<const float> gradient) override {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < gradient.size(); ++i)
      sums[static_cast<std::size_t>(offset) + i] += static_cast<double>(gradient[i]);
    return true;
  }
  void passed(std::int64_t) override {}

  std::vector<double> sums;

 private:
  std::mutex mutex_;
};

/// There is but one rank.
struct Alone : Meeting {
  void gather(std::span<double>, std::int64_t) override {}
};

struct Expected {
  double loss = 0;
  testing::SerialResult result;
};

Expected expected_of(const Model& model, std::span<const float> parameters, const Batch& batch,
                     const StepPlan& plan) {
  const testing::SerialRunner runner(model);
  const std::vector<double> exact(parameters.begin(), parameters.end());
  const auto inputs = batch.slices(plan);
  const auto outputs = runner.train(exact, inputs, {}).outputs;
  Expected expected;
  std::vector<std::vector<double>> gradients;
  for (std::size_t s = 0; s < outputs.size(); ++s) {
    std::vector<std::int32_t> labels;
    const auto slice = static_cast<std::int64_t>(s);
    for (std::int64_t i = 0; i < plan.slice_samples(slice); ++i)
      labels.push_back(Batch::label(plan.slice_begin(slice) + i));
    gradients.emplace_back(outputs[s].size());
    const LossArgs<double> args{
        plan.slice_samples(slice), 10, outputs[s].data(), labels.data(), 1.0 / kSamples,
        gradients.back().data()};
    expected.loss += SparseCategoricalCrossentropy{}(args).loss / kSamples;
  }
  expected.result = runner.train(exact, inputs, gradients);
  return expected;
}

TEST(Executor, ComputesTheGradientsOfTheSerialReferenceInDouble) {
  const Model model = testing::model_from_yaml(kEveryLayer);
  const CpuBackend backend(loops_of(widest_isa()));
  const Batch batch(model);
  std::vector<float> parameters(static_cast<std::size_t>(model.parameter_elements));
  std::vector<float> statistics(static_cast<std::size_t>(model.statistics_elements));
  initialize(model, 1, parameters, statistics);
  const StepPlan plan{kSeed, kStep, kSamples, kSlices, 0, kSlices};
  const Expected expected = expected_of(model, parameters, batch, plan);

  for (int workers : {1, 3}) {
    SCOPED_TRACE(workers);
    Network network(model, backend);
    for (std::int64_t samples : {2, 3}) network.plan(samples);
    WorkerPool pool(workers);
    Executor executor(network, pool, SparseCategoricalCrossentropy{}, {kSlices, kSlices, 3});
    SumOfGradients sink(model.parameter_elements);
    std::vector<float> new_statistics(statistics.size());
    Alone alone;
    const StepOutcome outcome =
        executor.step(plan, batch, parameters, statistics, new_statistics, sink, alone);
    EXPECT_NEAR(outcome.loss, expected.loss, 1e-5 * expected.loss);
    for (const ModelTensor& tensor : model.parameters) {
      const auto offset = static_cast<std::size_t>(tensor.offset);
      double largest = 0;
      for (std::size_t i = 0; i < static_cast<std::size_t>(tensor.shape.elements()); ++i)
        largest = std::max(largest, std::fabs(expected.result.grad_parameters[offset + i]));
      EXPECT_GT(largest, 0) << tensor.name;
      for (std::size_t i = 0; i < static_cast<std::size_t>(tensor.shape.elements()); ++i)
        ASSERT_NEAR(sink.sums[offset + i], expected.result.grad_parameters[offset + i], 2e-5 * largest)
            << tensor.name << " element " << i;
    }
  }
}

TEST(Executor, MovesStatisticsTowardsTheBatchs) {
  const Model model = testing::model_from_yaml(
      "{input_shape: [4, 4, 2], layers: [batch_normalization: {momentum: 0.75}, flatten, dense: 10]}");
  const CpuBackend backend(loops_of(widest_isa()));
  const Batch batch(model);
  std::vector<float> parameters(static_cast<std::size_t>(model.parameter_elements));
  std::vector<float> statistics(static_cast<std::size_t>(model.statistics_elements));
  initialize(model, 1, parameters, statistics);
  const StepPlan plan{kSeed, kStep, kSamples, kSlices, 0, kSlices};

  double mean = 0, square = 0;  // of channel 1, over the whole batch
  constexpr double kCount = kSamples * 4 * 4;
  for (const auto& slice : batch.slices(plan))
    for (std::size_t i = 1; i < slice.size(); i += 2) {
      mean += slice[i] / kCount;
      square += slice[i] * slice[i] / kCount;
    }
  Network network(model, backend);
  for (std::int64_t samples : {2, 3}) network.plan(samples);
  WorkerPool pool(2);
  Executor executor(network, pool, SparseCategoricalCrossentropy{}, {kSlices, kSlices, 3});
  SumOfGradients sink(model.parameter_elements);
  std::vector<float> moved(statistics.size());
  Alone alone;
  executor.step(plan, batch, parameters, statistics, moved, sink, alone);
  const auto moving_mean = static_cast<std::size_t>(model.statistics[0].offset);
  const auto moving_variance = static_cast<std::size_t>(model.statistics[1].offset);
  EXPECT_NEAR(moved[moving_mean + 1], 0.25 * mean, 1e-6);
  EXPECT_NEAR(moved[moving_variance + 1], 0.75 + 0.25 * (square - mean * mean), 1e-6);
}

}  // namespace
}  // namespace convoy
