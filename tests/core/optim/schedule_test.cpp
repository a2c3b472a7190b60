#include "core/optim/schedule.h"

#include <cmath>
#include <gtest/gtest.h>
#include <numbers>

namespace convoy {
namespace {

TEST(Schedule, CosineDecayFollowsHalfACosine) {
  const LearningRate rate{CosineDecay{0.1, 200, 0.05}, 0};
  for (std::int64_t step = 0; step <= 200; ++step) {
    const double shape = 0.5 * (1 + std::cos(std::numbers::pi * static_cast<double>(step) / 200));
    EXPECT_NEAR(rate.at(step), 0.1 * (0.95 * shape + 0.05), 1e-15);
  }
  EXPECT_EQ(rate.at(1000), rate.at(200));
  EXPECT_NEAR(rate.at(200), 0.005, 1e-17);
}

TEST(Schedule, PiecewiseConstantDecayKeepsAValueThroughItsBoundary) {
  const LearningRate rate{PiecewiseConstantDecay{{3, 5}, {1.0, 0.5, 0.1}}, 0};
  EXPECT_EQ(rate.at(0), 1.0);
  EXPECT_EQ(rate.at(3), 1.0);
  EXPECT_EQ(rate.at(4), 0.5);
  EXPECT_EQ(rate.at(5), 0.5);
  EXPECT_EQ(rate.at(6), 0.1);
}

TEST(Schedule, WarmUpRisesToTheFirstRateAndDelaysTheSchedule) {
  const LearningRate rate{PiecewiseConstantDecay{{1}, {1.0, 0.5}}, 4};
  EXPECT_EQ(rate.at(0), 0.25);
  EXPECT_EQ(rate.at(3), 1.0);
  EXPECT_EQ(rate.at(5), 1.0);
  EXPECT_EQ(rate.at(6), 0.5);
}

TEST(Schedule, WarmUpFromARateRisesAsKerasDoes) {
  const LearningRate rate{CosineDecay{0.1, 100, 0}, 4, 0.02};
  EXPECT_DOUBLE_EQ(rate.at(0), 0.02);
  EXPECT_DOUBLE_EQ(rate.at(2), 0.06);
  EXPECT_DOUBLE_EQ(rate.at(4), 0.1);
}

}  // namespace
}  // namespace convoy
