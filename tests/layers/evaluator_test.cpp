#include "layers/evaluator.h"

#include <cmath>
#include <gtest/gtest.h>

#include "core/cpu/isa.h"
#include "tests/layers/every_layer.h"
#include "tests/support/model_from_yaml.h"
#include "tests/support/serial_runner.h"

namespace convoy {
namespace {

class Evaluators : public ::testing::TestWithParam<std::int64_t> {};

TEST_P(Evaluators, ComputeTheOutputsOfTheSerialReferenceInDouble) {
  const std::int64_t samples = GetParam();
  const Model model = testing::model_from_yaml(testing::kEveryLayer);
  const CpuBackend backend(loops_of(widest_isa()));
  const testing::Batch batch(model, samples);
  std::vector<float> parameters(static_cast<std::size_t>(model.parameter_elements));
  std::vector<float> statistics(static_cast<std::size_t>(model.statistics_elements));
  initialize(model, 1, parameters, statistics);
  for (std::size_t i = 0; i < statistics.size(); ++i) statistics[i] += 0.01F * static_cast<float>(i % 50);
  const std::vector<double> exact(parameters.begin(), parameters.end()),
      moving(statistics.begin(), statistics.end());
  const std::vector<double> expected =
      testing::SerialRunner(model).evaluate(exact, moving, {batch.exact(0, samples)}).outputs.front();

  Network network(model, backend);
  WorkerPool pool(2);
  std::vector<double> outputs(expected.size());
  std::vector<std::int32_t> labels(static_cast<std::size_t>(samples));
  NetworkEvaluator(network, pool, samples)
      .run(0, Evaluator::slices(samples), batch, parameters, statistics,
           [&](std::int64_t, const EvaluatedSlice& slice) {
             std::copy(slice.output.begin(), slice.output.end(), outputs.begin() + slice.first * 10);
             std::copy(slice.labels.begin(), slice.labels.end(), labels.begin() + slice.first);
           });
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(outputs[i], expected[i], 1e-5) << i;
  for (std::int64_t i = 0; i < samples; ++i)
    EXPECT_EQ(labels[static_cast<std::size_t>(i)], testing::Batch::label(i));
}

INSTANTIATE_TEST_SUITE_P(Samples, Evaluators, ::testing::Values(1, 15, 16, 17, 40));

}  // namespace
}  // namespace convoy
