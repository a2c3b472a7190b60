#include "layers/batch_statistics.h"

#include <gtest/gtest.h>
#include <vector>

namespace convoy {
namespace {

/// The record of one channel's values.
std::vector<double> record_of(const std::vector<double>& values) {
  double mean = 0;
  for (double value : values) mean += value;
  if (!values.empty()) mean /= static_cast<double>(values.size());
  double squares = 0;
  for (double value : values) squares += (value - mean) * (value - mean);
  return {static_cast<double>(values.size()), mean, squares};
}

TEST(BatchStatistics, SlicesCombineToTheMomentsOfTheWholeBatch) {
  std::vector<double> records;
  for (const auto& slice : {std::vector<double>{1, 2, 4}, {}, {-3}, {10, 20}})
    for (double value : record_of(slice)) records.push_back(value);
  std::vector<double> combined(2);
  combine_moments(records, 1, combined);
  const std::vector<double> whole = record_of({1, 2, 4, -3, 10, 20});
  EXPECT_NEAR(combined[0], whole[1], 1e-14);
  EXPECT_NEAR(combined[1], whole[2] / whole[0], 1e-13);
}

TEST(BatchStatistics, AddingAConstantLeavesTheVariance) {
  const double offset = 1e6;
  std::vector<double> records;
  for (const auto& slice : {std::vector<double>{offset + 1, offset + 2}, {offset + 3}})
    for (double value : record_of(slice)) records.push_back(value);
  std::vector<double> combined(2);
  combine_moments(records, 1, combined);
  EXPECT_NEAR(combined[1], 2.0 / 3, 1e-9);
}

TEST(BatchStatistics, GradientSumsAreDividedByTheCount) {
  const std::vector<double> records{1, 2, 3, 4, 10, 20, 30, 40};
  std::vector<double> means(4);
  combine_gradient_sums(records, 2, 4, means);
  EXPECT_EQ(means, (std::vector<double>{11.0 / 4, 22.0 / 4, 33.0 / 4, 44.0 / 4}));
}

TEST(BatchStatistics, MovingValuesFollowWithMomentum) {
  const std::vector<float> moving{1.0F};
  const std::vector<double> value{3.0};
  std::vector<float> updated(1);
  update_moving(moving, value, 0.75, updated);
  EXPECT_EQ(updated[0], 1.5F);
}

}  // namespace
}  // namespace convoy
