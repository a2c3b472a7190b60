#include "layers/evaluator.h"

#include <cmath>
#include <gtest/gtest.h>

#include "core/cpu/isa.h"
#include "tests/layers/every_layer.h"
#include "tests/support/model_from_yaml.h"
#include "tests/support/serial_runner.h"

namespace convoy {
namespace {

TEST(Evaluator, ComputesTheOutputsOfTheSerialReferenceInDouble) {
  constexpr std::int64_t kSamples = 40;  // slices of 16, 16 and 8
  const Model model = testing::model_from_yaml(testing::kEveryLayer);
  const CpuBackend backend(loops_of(widest_isa()));
  const testing::Batch batch(model, kSamples);
  std::vector<float> parameters(static_cast<std::size_t>(model.parameter_elements));
  std::vector<float> statistics(static_cast<std::size_t>(model.statistics_elements));
  initialize(model, 1, parameters, statistics);
  for (std::size_t i = 0; i < statistics.size(); ++i) statistics[i] += 0.01F * static_cast<float>(i % 50);
  const std::vector<double> exact(parameters.begin(), parameters.end()),
      moving(statistics.begin(), statistics.end());
  const std::vector<double> expected =
      testing::SerialRunner(model).evaluate(exact, moving, {batch.exact(0, kSamples)}).outputs.front();

  Network network(model, backend);
  for (std::int64_t samples : {16, 8}) network.plan(samples);
  WorkerPool pool(2);
  std::vector<double> outputs(expected.size());
  std::vector<std::int32_t> labels(kSamples);
  Evaluator(network, pool)
      .run(kSamples, 0, Evaluator::slices(kSamples), batch, parameters, statistics,
           [&](std::int64_t, const EvaluatedSlice& slice) {
             std::copy(slice.output.begin(), slice.output.end(), outputs.begin() + slice.first * 10);
             std::copy(slice.labels.begin(), slice.labels.end(), labels.begin() + slice.first);
           });
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(outputs[i], expected[i], 1e-5) << i;
  for (std::int64_t i = 0; i < kSamples; ++i)
    EXPECT_EQ(labels[static_cast<std::size_t>(i)], testing::Batch::label(i));
}

}  // namespace
}  // namespace convoy
