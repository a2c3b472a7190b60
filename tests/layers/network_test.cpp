#include "layers/network.h"

#include <gtest/gtest.h>

#include "core/cpu/isa.h"
#include "core/random.h"
#include "tests/support/model_from_yaml.h"
#include "tests/support/network_runner.h"

namespace convoy {
namespace {

constexpr std::int64_t kSamples = 5;

std::vector<float> draw(std::size_t n, std::uint32_t which) {
  const RandomStream random(3, RandomPurpose::test);
  std::vector<float> values;
  for (std::uint32_t i = 0; i < n; ++i) values.push_back(uniform_float(random(0, which, i)[0]) - 0.4F);
  return values;
}

std::vector<float> rounded(std::vector<float> values) {
  loops_of(widest_isa()).round_to_bfloat16(values.data(), values.size(), values.data());
  return values;
}

/// A network of its own with these parameters.
struct Part {
  using Tensors = std::vector<std::vector<float>>;

  Part(const std::string& layers, const Tensors& parameters,
       config::Precision precision = config::Precision::float32)
      : model(testing::model_from_yaml(layers)),
        network(model, backend, {}, precision),
        runner(network, kSamples) {
    for (std::size_t i = 0; i < parameters.size(); ++i)
      std::ranges::copy(parameters[i], runner.parameters().begin() + model.parameters[i].offset);
  }

  CpuBackend backend{loops_of(widest_isa())};
  Model model;
  Network network;
  testing::NetworkRunner runner;
};

TEST(Network, OfBfloat16ComputesInFloatFromRoundedFactors) {
  const auto conv_kernel = draw(3 * 3 * 3 * 4, 0), conv_bias = draw(4, 1);
  const auto dense_kernel = draw(64 * 10, 2), dense_bias = draw(10, 3);
  const std::string layer = "conv2d: {filters: 4, kernel_size: 3, activation: relu}";
  Part whole("{input_shape: [6, 6, 3], layers: [" + layer + ", flatten, dense: 10]}",
             {conv_kernel, conv_bias, dense_kernel, dense_bias}, config::Precision::bfloat16);
  Part conv("{input_shape: [6, 6, 3], layers: [" + layer + "]}", {rounded(conv_kernel), conv_bias});
  Part dense("{input_shape: [4, 4, 4], layers: [flatten, dense: 10]}", {rounded(dense_kernel), dense_bias});

  const auto input = draw(kSamples * 6 * 6 * 3, 4), gradient = draw(kSamples * 10, 5);
  const auto between = rounded(conv.runner.forward(rounded(input)));
  EXPECT_EQ(whole.runner.forward(input), dense.runner.forward(between));
  const auto back = rounded(dense.runner.backward(rounded(gradient)));
  EXPECT_EQ(whole.runner.backward(gradient), rounded(conv.runner.backward(back)));
}

TEST(Network, AForcedProviderLeavesToOthersWhatItCannotComputeOfALayer) {
  const CpuBackend backend(loops_of(widest_isa()));
  const Model model = testing::model_from_yaml(R"(
input_shape: [8, 8, 3]
layers:
  - conv2d: {filters: 4, kernel_size: 3, activation: relu}
  - flatten
  - dense: {units: 10, activation: tanh}
)");
  const Network network(model, backend, {{"conv2d", "openblas"}, {"dense", "reference"}});
  std::vector<std::string> providers;
  for (const Block& block : network.blocks()) providers.push_back(block.provider);
  EXPECT_EQ(providers, (std::vector<std::string>{"openblas", "native", "reference", "reference"}));
}

TEST(Network, AForcedProviderThatCannotComputeALayerIsRefused) {
  const CpuBackend backend(loops_of(widest_isa()));
  const Model model = testing::model_from_yaml("{input_shape: [8, 8, 3], layers: [max_pooling2d, relu]}");
  EXPECT_THROW(Network(model, backend, {{"max_pooling2d", "openblas"}}), ConfigError);
  EXPECT_THROW(Network(model, backend, {{"re_lu", "openblas"}}), ConfigError);
}

}  // namespace
}  // namespace convoy
