// Optimizers and schedules against what Keras computed (scripts/record_reference.py).

#include <gtest/gtest.h>

#include "core/cpu/isa.h"
#include "core/optim/optimizer.h"
#include "core/optim/schedule.h"
#include "tests/support/recording.h"

namespace convoy {
namespace {

using nlohmann::json;

LearningRate schedule_of(const json& config) {
  if (config.is_number()) return {ConstantRate{config}, 0, {}};
  if (config.contains("piecewise_constant_decay")) {
    const json& pieces = config["piecewise_constant_decay"];
    return {PiecewiseConstantDecay{pieces["boundaries"], pieces["values"]}, 0, {}};
  }
  const json& cosine = config["cosine_decay"];
  const double initial = cosine["initial_learning_rate"];
  LearningRate rate{CosineDecay{initial, cosine["decay_steps"], cosine.value("alpha", 0.0)}, 0, {}};
  if (cosine.contains("warmup_target")) {
    std::get<CosineDecay>(rate.schedule).initial_learning_rate = cosine["warmup_target"];
    rate.warmup_steps = cosine["warmup_steps"];
    rate.warmup_from = initial;
  }
  return rate;
}

/// {"adam": {…}} with Keras' parameters and defaults.
struct Rule {
  std::unique_ptr<Optimizer> optimizer;
  LearningRate rate;
  double clipnorm = 0;

  Rule(const json& config, const simd::Table& loops) {
    const std::string kind = config.begin().key();
    const json& parameters = config.begin().value();
    if (kind == "sgd") {
      optimizer = make_sgd({parameters.value("momentum", 0.0), parameters.value("nesterov", false)}, loops);
    } else {
      const double decay = kind == "adamw" ? parameters.value("weight_decay", 0.004) : 0;
      optimizer = make_adam({parameters.value("beta_1", 0.9), parameters.value("beta_2", 0.999),
                             parameters.value("epsilon", 1e-7), decay},
                            loops);
    }
    rate = schedule_of(parameters.value("learning_rate", json(kind == "sgd" ? 0.01 : 0.001)));
    clipnorm = parameters.value("global_clipnorm", 0.0);
  }
};

float clip(std::span<const float> gradient, double clipnorm) {
  if (clipnorm == 0) return 1;
  double squares = 0;
  for (const float g : gradient) squares += double{g} * double{g};
  return clip_scale(squares, clipnorm);
}

void expect_near(std::span<const float> values, std::span<const double> expected, const std::string& what) {
  ASSERT_EQ(values.size(), expected.size()) << what;
  for (std::size_t i = 0; i < values.size(); ++i)
    ASSERT_NEAR(double{values[i]}, expected[i], 1e-6) << what << ", element " << i;
}

TEST(KerasOptimizers, TenStepsAreThoseOfKeras) {
  const testing::Recording keras("optimizers");
  const auto gradients = keras.values<float>("gradients");
  int compared = 0;
  for (const json& one : keras.cases()) {
    if (!one.contains("optimizer")) continue;
    const std::string name = one["name"];
    const Rule rule(one["optimizer"], loops_of(widest_isa()));
    std::vector<float> weights = keras.values<float>("weights");
    std::vector<std::vector<float>> slots(rule.optimizer->slot_names().size(),
                                          std::vector<float>(weights.size()));
    const std::size_t n = weights.size();
    for (std::size_t step = 0; step < 10; ++step) {
      const auto gradient = std::span(gradients).subspan(step * n, n);
      UpdateRange range{
          gradient, weights, weights, {slots.begin(), slots.end()}, {slots.begin(), slots.end()}};
      const auto number = static_cast<std::int64_t>(step);
      rule.optimizer->update({number + 1, rule.rate.at(number), clip(gradient, rule.clipnorm)}, range);
      for (const char* type : {"", "32"}) {
        const auto expected = keras.values<double>(name + "/weights" + type);
        expect_near(weights, std::span(expected).subspan(step * n, n),
                    name + type + ", step " + std::to_string(step));
      }
    }
    for (std::size_t slot = 0; slot < slots.size(); ++slot)
      expect_near(slots[slot], keras.values<double>(name + "/" + rule.optimizer->slot_names()[slot]),
                  name + " slot");
    ++compared;
  }
  EXPECT_GE(compared, 12);
}

TEST(KerasOptimizers, SchedulesAreThoseOfKeras) {
  const testing::Recording keras("optimizers");
  int compared = 0;
  for (const json& one : keras.cases()) {
    if (!one.contains("schedule")) continue;
    const auto rates = keras.values<double>(std::string(one["name"]) + "/rates");
    const LearningRate rate = schedule_of(one["schedule"]);
    for (std::size_t step = 0; step < rates.size(); ++step)  // Keras computes them in float32
      EXPECT_NEAR(rate.at(static_cast<std::int64_t>(step)), rates[step], 1e-8) << one["name"] << step;
    ++compared;
  }
  EXPECT_GE(compared, 4);
}

}  // namespace
}  // namespace convoy
