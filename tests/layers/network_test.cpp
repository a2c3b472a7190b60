#include "layers/network.h"

#include <gtest/gtest.h>

#include "core/cpu/isa.h"
#include "tests/support/model_from_yaml.h"

namespace convoy {
namespace {

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
