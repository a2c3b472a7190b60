#include "layers/initializers.h"

#include <cmath>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <numeric>

#include "tests/support/model_from_yaml.h"

namespace convoy {
namespace {

std::vector<float> draw(const Initializer& initializer, const Shape& shape, std::uint64_t seed = 1,
                        std::uint32_t tensor = 0) {
  std::vector<float> values(static_cast<std::size_t>(shape.elements()));
  initialize(initializer, shape, seed, tensor, values);
  return values;
}

struct Statistics {
  double mean = 0, deviation = 0, lowest = 0, highest = 0;
};

Statistics statistics_of(const std::vector<float>& values) {
  const double count = static_cast<double>(values.size());
  Statistics s;
  for (float v : values) s.mean += static_cast<double>(v) / count;
  for (float v : values)
    s.deviation += (static_cast<double>(v) - s.mean) * (static_cast<double>(v) - s.mean) / count;
  s.deviation = std::sqrt(s.deviation);
  s.lowest = static_cast<double>(*std::min_element(values.begin(), values.end()));
  s.highest = static_cast<double>(*std::max_element(values.begin(), values.end()));
  return s;
}

// A kernel whose fans are Keras' 5 * 5 * 20 = 500 inputs and 5 * 5 * 40 = 1000 outputs, of 20,000 elements: a
// sample's deviation is within 2 % of the distribution's (four standard errors), its mean within 3 % of a
// deviation.
const Shape kKernel{5, 5, 20, 40};
constexpr double kFanIn = 500, kFanOut = 1000;

void expect_deviation(const Initializer& initializer, double deviation) {
  const Statistics s = statistics_of(draw(initializer, kKernel));
  EXPECT_NEAR(s.mean, 0, 0.03 * deviation);
  EXPECT_NEAR(s.deviation, deviation, 0.02 * deviation);
}

TEST(Initializers, HaveKerasDeviations) {
  expect_deviation(GlorotUniform{}, std::sqrt(2 / (kFanIn + kFanOut)));
  expect_deviation(GlorotNormal{}, std::sqrt(2 / (kFanIn + kFanOut)));
  expect_deviation(HeUniform{}, std::sqrt(2 / kFanIn));
  expect_deviation(HeNormal{}, std::sqrt(2 / kFanIn));
  expect_deviation(LecunUniform{}, std::sqrt(1 / kFanIn));
  expect_deviation(LecunNormal{}, std::sqrt(1 / kFanIn));
  expect_deviation(RandomUniform{}, 0.1 / std::sqrt(12.0));
  expect_deviation(RandomNormal{}, 0.05);
  expect_deviation(TruncatedNormal{}, 0.05 * 0.87962566103423978);
}

TEST(Initializers, StayWithinKerasLimits) {
  const double uniform = std::sqrt(6 / (kFanIn + kFanOut));
  const Statistics glorot = statistics_of(draw(GlorotUniform{}, kKernel));
  EXPECT_LE(glorot.highest, uniform);
  EXPECT_GT(glorot.highest, 0.999 * uniform);
  EXPECT_GE(glorot.lowest, -uniform);
  const double truncated = 2 * std::sqrt(2 / kFanIn) / 0.87962566103423978;
  const Statistics he = statistics_of(draw(HeNormal{}, kKernel));
  EXPECT_LE(he.highest, truncated);
  EXPECT_GT(he.highest, 0.97 * truncated);
  const Statistics shifted = statistics_of(draw(RandomUniform{.minval = 2, .maxval = 3}, kKernel));
  EXPECT_GE(shifted.lowest, 2);
  EXPECT_LE(shifted.highest, 3);
  EXPECT_NEAR(shifted.mean, 2.5, 0.01);
  EXPECT_NEAR(statistics_of(draw(RandomNormal{.mean = 1, .stddev = 0.5}, kKernel)).mean, 1, 0.015);
}

TEST(Initializers, CountTheFansOfVectorsAndDenseKernelsAsKeras) {
  EXPECT_NEAR(statistics_of(draw(LecunNormal{}, {100, 200})).deviation, 0.1, 0.002);
  EXPECT_NEAR(statistics_of(draw(GlorotUniform{}, {10000})).deviation, 0.01, 0.0003);
}

TEST(Initializers, ConstantsAreExact) {
  for (float value : draw(Zeros{}, {7})) EXPECT_EQ(value, 0.0F);
  for (float value : draw(Ones{}, {7})) EXPECT_EQ(value, 1.0F);
  for (float value : draw(Constant{.value = 0.25}, {7})) EXPECT_EQ(value, 0.25F);
}

TEST(Initializers, DrawOtherValuesForAnotherSeedTensorOrElement) {
  const std::vector<float> values = draw(GlorotUniform{}, {100, 100});
  EXPECT_EQ(values, draw(GlorotUniform{}, {100, 100}));
  EXPECT_NE(values, draw(GlorotUniform{}, {100, 100}, 2));
  EXPECT_NE(values, draw(GlorotUniform{}, {100, 100}, 1, 1));
  double correlation = 0;
  const std::vector<float> other = draw(GlorotUniform{}, {100, 100}, 1, 1);
  for (std::size_t i = 0; i + 1 < values.size(); ++i)
    correlation += static_cast<double>(values[i] * (values[i + 1] + other[i]));
  // 1e4 products of deviation 0.1 * 0.1 * sqrt(2): within four standard errors of zero.
  EXPECT_LT(std::fabs(correlation), 4 * 1e2 * 1e-2 * std::sqrt(2.0));
}

TEST(Initializers, AreTheSameBitsEverywhere) {
  // A change of these numbers changes every training from scratch.
  const auto first = [](const Initializer& initializer) {
    const std::vector<float> values = draw(initializer, {3, 3, 3, 32}, 42, 5);
    std::string text;
    for (std::size_t i = 0; i < 3; ++i) text += fmt::format("{:a} ", values[i]);
    return text;
  };
  EXPECT_EQ(first(GlorotUniform{}), "0x1.18c15ap-4 -0x1.268d82p-4 0x1.3ef98ep-5 ");
  EXPECT_EQ(first(HeNormal{}), "0x1.91dffcp-3 -0x1.a8c374p-3 0x1.b432cep-4 ");
  EXPECT_EQ(first(RandomNormal{}), "0x1.121d1ep-5 -0x1.21ff12p-5 0x1.27fafcp-6 ");
}

TEST(InverseNormal, InvertsTheDistributionFunction) {
  for (double p :
       {1e-300, 1e-100, 1e-20, 1e-10, 1e-5, 0.01, 0.074, 0.076, 0.3, 0.5, 0.7, 0.9, 0.99, 1 - 1e-9}) {
    const double x = inverse_normal(p);
    EXPECT_NEAR(0.5 * std::erfc(-x / std::sqrt(2.0)), p, 1e-13 * p * (1 + x * x)) << p;
  }
  EXPECT_EQ(inverse_normal(0.5), 0);
  EXPECT_NEAR(inverse_normal(0.975), 1.959963984540054, 1e-15);
}

TEST(InitializedModel, FillsEveryTensorAndLeavesGapsZero) {
  const Model model = testing::model_from_yaml(R"(
input_shape: [8, 8, 3]
layers:
  - conv2d: {filters: 5, kernel_size: 3, bias_initializer: {constant: {value: 0.5}}}
  - batch_normalization
  - flatten
  - dense: {units: 7, kernel_initializer: he_normal})");
  std::vector<float> parameters(static_cast<std::size_t>(model.parameter_elements), 0);
  std::vector<float> statistics(static_cast<std::size_t>(model.statistics_elements), 0);
  initialize(model, 1, parameters, statistics);
  std::int64_t nonzero = 0;
  for (float value : parameters) nonzero += value != 0;
  EXPECT_EQ(nonzero, 3 * 3 * 3 * 5 + 5 + 5 + 6 * 6 * 5 * 7);  // beta and the dense bias are zero
  EXPECT_EQ(parameters[static_cast<std::size_t>(model.parameters[1].offset)], 0.5F);
  EXPECT_EQ(parameters[static_cast<std::size_t>(model.parameters[2].offset)], 1.0F);
  EXPECT_EQ(std::accumulate(statistics.begin(), statistics.end(), 0.0F), 5.0F);
}

TEST(InitializedModel, GivesADepthwiseKernelTheFansOfKeras) {
  // Keras' kernel [3, 3, 100, 2]: 900 inputs and 18 outputs.
  const Model model = testing::model_from_yaml(
      "{input_shape: [8, 8, 100], layers: [depthwise_conv2d: {kernel_size: 3, depth_multiplier: 2}]}");
  std::vector<float> parameters(static_cast<std::size_t>(model.parameter_elements));
  initialize(model, 1, parameters, {});
  const double limit = std::sqrt(6.0 / (900 + 18));
  const double highest = static_cast<double>(*std::max_element(parameters.begin(), parameters.end()));
  EXPECT_LE(highest, limit);
  EXPECT_GT(highest, 0.99 * limit);
}

}  // namespace
}  // namespace convoy
