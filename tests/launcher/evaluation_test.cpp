#include "launcher/evaluation.h"

#include <array>
#include <gtest/gtest.h>
#include <limits>

namespace convoy {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(EvaluationResult, CountsTheSamplesWithOutputsThatAreNotFinite) {
  const std::array<float, 8> outputs{1, 3e38F, kNan, 0, kInfinity, -kInfinity, 0, -1};
  EXPECT_EQ(count_not_finite(outputs, 4), 2);
  EXPECT_EQ(count_not_finite(outputs, 2), 2);
  EXPECT_EQ(count_not_finite(std::span(outputs).first(2), 1), 0);
}

TEST(EvaluationResult, NamesWhatMakesWeightsOfNoUse) {
  EvaluationResult result;
  result.samples = 70;
  result.loss = 2.5;
  EXPECT_EQ(result.defect(), std::nullopt);
  // Infinite probabilities are clipped, so the loss alone does not show them.
  result.not_finite = 1;
  EXPECT_EQ(result.defect(), "a loss of 2.5, and outputs that are not finite for 1 of 70 samples");
  result.not_finite = 0;
  result.loss = std::numeric_limits<double>::infinity();
  EXPECT_EQ(result.defect(), "a loss of inf");
}

}  // namespace
}  // namespace convoy
