#include "layers/executor.h"

#include <cmath>
#include <gtest/gtest.h>
#include <mutex>

#include "core/cpu/isa.h"
#include "tests/layers/every_layer.h"
#include "tests/support/model_from_yaml.h"
#include "tests/support/serial_runner.h"

namespace convoy {
namespace {

using testing::Batch;

constexpr std::uint64_t kSeed = 7, kStep = 3;  // those of the serial runner
constexpr std::int64_t kSamples = 10, kSlices = 4;

std::vector<std::vector<double>> slices_of(const Batch& batch, const StepPlan& plan) {
  std::vector<std::vector<double>> all;
  for (std::int64_t s = 0; s < plan.slices; ++s)
    all.push_back(batch.exact(plan.slice_begin(s), plan.slice_samples(s)));
  return all;
}

class SumOfGradients : public GradientSink {
 public:
  explicit SumOfGradients(std::int64_t elements) : sums(static_cast<std::size_t>(elements)) {}
  bool add(std::int64_t offset, std::span<const float> gradient) override {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < gradient.size(); ++i)
      sums[static_cast<std::size_t>(offset) + i] += static_cast<double>(gradient[i]);
    return true;
  }
  void set(std::int64_t offset, std::span<const std::int64_t> sum) override {
    for (std::size_t i = 0; i < sum.size(); ++i)
      sums[static_cast<std::size_t>(offset) + i] = static_cast<double>(sum[i]) * 0x1p-44;
  }
  float limit() const override { return 0x1p19F; }
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
  const auto inputs = slices_of(batch, plan);
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
  const Model model = testing::model_from_yaml(testing::kEveryLayer);
  const CpuBackend backend(loops_of(widest_isa()));
  const Batch batch(model, kSamples);
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
  const Batch batch(model, kSamples);
  std::vector<float> parameters(static_cast<std::size_t>(model.parameter_elements));
  std::vector<float> statistics(static_cast<std::size_t>(model.statistics_elements));
  initialize(model, 1, parameters, statistics);
  const StepPlan plan{kSeed, kStep, kSamples, kSlices, 0, kSlices};

  double mean = 0, square = 0;  // of channel 1, over the whole batch
  constexpr double kCount = kSamples * 4 * 4;
  for (const auto& slice : slices_of(batch, plan))
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
