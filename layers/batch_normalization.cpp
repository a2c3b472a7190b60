#include <cstdint>

#include "layers/layer.h"

namespace convoy {

constexpr auto enum_names(BatchMomentsOp::Statistics) {
  return std::array{config::EnumName{BatchMomentsOp::Statistics::batch, "batch"},
                    config::EnumName{BatchMomentsOp::Statistics::slice, "slice"}};
}

namespace {

using Statistics = BatchMomentsOp::Statistics;

struct BatchNormalization {
  std::int64_t axis = -1;
  double momentum = 0.99;
  double epsilon = 1e-3;
  bool center = true;
  bool scale = true;
  Statistics statistics = Statistics::batch;
  Initializer beta_initializer = Zeros{};
  Initializer gamma_initializer = Ones{};
  Initializer moving_mean_initializer = Zeros{};
  Initializer moving_variance_initializer = Ones{};

  static void fields(config::Fields<BatchNormalization>& f) {
    using Self = BatchNormalization;
    f.optional("axis", &Self::axis, "of the channels: -1, the last one; no other is possible",
               config::at_least(-4));
    f.optional("momentum", &Self::momentum, "of the moving statistics", config::at_least(0).at_most(1));
    f.optional("epsilon", &Self::epsilon, "added to the variance", config::above(0));
    f.optional("center", &Self::center, "add a trained offset, beta");
    f.optional("scale", &Self::scale, "multiply with a trained factor, gamma");
    f.optional("statistics", &Self::statistics,
               "of the whole global batch, or of each slice alone (no waiting for others)");
    f.optional("beta_initializer", &Self::beta_initializer, "initial beta");
    f.optional("gamma_initializer", &Self::gamma_initializer, "initial gamma");
    f.optional("moving_mean_initializer", &Self::moving_mean_initializer, "initial moving mean");
    f.optional("moving_variance_initializer", &Self::moving_variance_initializer, "initial moving variance");
  }

  void lower(Lowering& to) const {
    const Shape shape = to.shape();
    // Keras counts the samples' axis too.
    if (axis != -1 && axis != shape.rank())
      to.report({"axis", "channels are the last axis here, so only that can be normalised; use axis: -1"});
    const Shape channels{shape[shape.rank() - 1]};
    std::vector<ParameterRange> trained;
    if (scale) trained.push_back(to.parameter("gamma", channels, gamma_initializer));
    if (center) trained.push_back(to.parameter("beta", channels, beta_initializer));
    to.append(BatchMomentsOp{statistics, momentum, epsilon}, shape, {},
              {to.statistic("moving_mean", channels, moving_mean_initializer),
               to.statistic("moving_variance", channels, moving_variance_initializer)});
    to.append(NormalizeOp{epsilon, scale, center}, shape, std::move(trained));
  }
};

}  // namespace

LayerType batch_normalization() {
  return layer_type<BatchNormalization>("batch_normalization", "BatchNormalization",
                                        "gives each channel mean 0 and variance 1");
}

}  // namespace convoy
