#include "core/optim/optimizer.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

#include "core/cpu/isa.h"
#include "core/random.h"

namespace convoy {
namespace {

std::vector<float> random_floats(std::size_t n, std::uint32_t stream) {
  const RandomStream random(1, RandomPurpose::test, stream);
  std::vector<float> values(n);
  for (std::size_t i = 0; i < n; ++i)
    values[i] = uniform_float(random(0, 0, static_cast<std::uint32_t>(i))[0]) - 0.5F;
  return values;
}

/// Ten steps over `n` elements, each in ranges of `grain`.
std::vector<float> run(const Optimizer& optimizer, std::size_t n, std::size_t grain) {
  std::vector<float> weights = random_floats(n, 0);
  std::vector<std::vector<float>> slots(optimizer.slot_names().size(), std::vector<float>(n));
  for (std::int64_t number = 1; number <= 10; ++number) {
    const std::vector<float> gradient = random_floats(n, static_cast<std::uint32_t>(number));
    for (std::size_t begin = 0; begin < n; begin += grain) {
      const std::size_t count = std::min(grain, n - begin);
      UpdateRange range{std::span(gradient).subspan(begin, count),
                        std::span(weights).subspan(begin, count),
                        std::span(weights).subspan(begin, count),
                        {},
                        {}};
      for (auto& slot : slots) {
        range.slots.push_back(std::span(slot).subspan(begin, count));
        range.new_slots.push_back(std::span(slot).subspan(begin, count));
      }
      optimizer.update({.number = number, .learning_rate = 0.01, .gradient_scale = 0.5F}, range);
    }
  }
  return weights;
}

std::vector<std::unique_ptr<Optimizer>> all_optimizers(const simd::Table& loops) {
  std::vector<std::unique_ptr<Optimizer>> all;
  all.push_back(make_adam({}, loops));
  all.push_back(make_adam({.weight_decay = 0.004}, loops));
  all.push_back(make_sgd({}, loops));
  all.push_back(make_sgd({.momentum = 0.9}, loops));
  all.push_back(make_sgd({.momentum = 0.9, .nesterov = true}, loops));
  return all;
}

TEST(Optimizers, BitsDependOnNeitherTheRangesNorTheInstructionSet) {
  const auto portable = all_optimizers(loops_of(Isa::portable));
  for (std::size_t i = 0; i < portable.size(); ++i) {
    const auto expected = run(*portable[i], 1000, 1000);
    for (Isa isa : available_isas())
      for (std::size_t grain : {1, 7, 64, 1000})
        EXPECT_EQ(run(*all_optimizers(loops_of(isa))[i], 1000, grain), expected);
  }
}

/// Whether one step of 100 weights, of which number `i` becomes not finite, is found to be finite.
bool finite_with(const Optimizer& optimizer, std::size_t i, float weight, float gradient) {
  std::vector<float> weights(100, 1.0F), gradients(100, 0.5F);
  weights[i] = weight;
  gradients[i] = gradient;
  UpdateRange range{gradients, weights, weights, {}, {}};
  std::vector<std::vector<float>> slots(optimizer.slot_names().size(), std::vector<float>(100));
  range.slots.assign(slots.begin(), slots.end());
  range.new_slots.assign(slots.begin(), slots.end());
  return optimizer.update({.number = 1, .learning_rate = 1e30}, range);
}

TEST(Optimizers, FindAnyNewWeightThatIsNotFinite) {
  constexpr float kHuge = std::numeric_limits<float>::max();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  for (Isa isa : available_isas())
    for (const auto& optimizer : all_optimizers(loops_of(isa)))
      for (std::size_t i = 0; i < 100; ++i) {
        EXPECT_TRUE(finite_with(*optimizer, i, 1.0F, 0.5F));
        EXPECT_FALSE(finite_with(*optimizer, i, 1.0F, kNan)) << name_of(isa) << " " << i;
        EXPECT_FALSE(finite_with(*optimizer, i, -kNan, 0.0F)) << name_of(isa) << " " << i;
        if (optimizer->slot_names().size() == 2) continue;  // Adam's step does not grow with the gradient
        EXPECT_FALSE(finite_with(*optimizer, i, 1.0F, kHuge)) << name_of(isa) << " " << i;
      }
}

TEST(Adam, FirstStepMovesByTheLearningRateAgainstTheGradient) {
  const auto adam = make_adam({}, loops_of(Isa::portable));
  const std::vector<float> gradient{3.0F, -0.001F}, zeros(2, 0.0F), weights{1.0F, 1.0F};
  std::vector<float> updated(2), momentum(2), velocity(2);
  adam->update({.number = 1, .learning_rate = 0.1},
               {gradient, weights, updated, {zeros, zeros}, {momentum, velocity}});
  EXPECT_NEAR(updated[0], 0.9F, 1e-6);
  EXPECT_NEAR(updated[1], 1.1F, 1e-3);
  EXPECT_FLOAT_EQ(momentum[0], 0.3F);
  EXPECT_FLOAT_EQ(velocity[0], 0.009F);
}

TEST(Adam, WeightDecayIsTakenOffFirst) {
  const auto adam = make_adam({.weight_decay = 0.5}, loops_of(Isa::portable));
  const std::vector<float> zeros(1, 0.0F), weights{2.0F};
  std::vector<float> updated(1), momentum(1), velocity(1);
  adam->update({.number = 1, .learning_rate = 0.1},
               {zeros, weights, updated, {zeros, zeros}, {momentum, velocity}});
  EXPECT_FLOAT_EQ(updated[0], 1.9F);
}

TEST(Clipping, LimitsTheNormAndLeavesSmallerGradientsAlone) {
  EXPECT_FLOAT_EQ(clip_scale(100.0, 1.0), 0.1F);
  EXPECT_EQ(clip_scale(0.25, 1.0), 1.0F);
  EXPECT_EQ(clip_scale(0.0, 1.0), 1.0F);
}

TEST(IntegerPower, MatchesRepeatedMultiplication) {
  double product = 1;
  for (int exponent = 0; exponent < 100; ++exponent, product *= 0.999)
    EXPECT_NEAR(integer_power(0.999, exponent), product, 1e-14);
}

}  // namespace
}  // namespace convoy
