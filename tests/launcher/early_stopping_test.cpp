#include "launcher/early_stopping.h"

#include <gtest/gtest.h>
#include <limits>

#include "tests/support/model_from_yaml.h"

namespace convoy {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

class Stopping : public ::testing::Test {
 protected:
  /// Epochs until it stops, each with this figure; 0 if it never does. Epoch n's weights are all n.
  std::int64_t stops_after(EarlyStopping& stopping, std::initializer_list<double> values,
                           const char* metric) {
    std::int64_t epoch = 0;
    for (const double value : values) {
      ++epoch;
      std::ranges::fill(training_.current().parameters(), static_cast<float>(epoch));
      stopping.observe(MetricsEvent{{metric, value}}, epoch, training_);
      if (stopping.should_stop()) return epoch;
    }
    return 0;
  }

  Model model_ = testing::model_from_yaml("input_shape: [4, 4, 1]\nlayers: [flatten, dense: {units: 2}]\n");
  TrainingState training_{model_, {}};
};

TEST_F(Stopping, WaitsForPatienceEpochsWithoutImprovement) {
  EarlyStopping stopping({.monitor = config::Monitor::val_loss, .patience = 2}, model_, true);
  EXPECT_EQ(stops_after(stopping, {3.0, 2.0, 2.5, 1.0, 1.0, 1.5}, "val_loss"), 6);
  EXPECT_EQ(stopping.best_epoch(), 4);
}

TEST_F(Stopping, StopsAtTheFirstEpochWithoutImprovementWithoutPatience) {
  EarlyStopping stopping({.monitor = config::Monitor::val_accuracy, .patience = 0}, model_, true);
  EXPECT_EQ(stops_after(stopping, {0.1, 0.2, 0.2}, "val_accuracy"), 3);
}

TEST_F(Stopping, TakesSmallerChangesThanMinDeltaForNone) {
  EarlyStopping stopping({.monitor = config::Monitor::val_loss, .patience = 1, .min_delta = 0.1}, model_,
                         true);
  EXPECT_EQ(stops_after(stopping, {3.0, 2.5, 2.45}, "val_loss"), 3);
}

TEST_F(Stopping, TakesEveryNumberForBetterThanNan) {
  EarlyStopping stopping({.monitor = config::Monitor::val_loss, .patience = 2}, model_, true);
  EXPECT_EQ(stops_after(stopping, {kNan, 3.0, kNan, 2.0, kNan, kNan}, "val_loss"), 6);
  EXPECT_EQ(stopping.best_epoch(), 4);
}

TEST_F(Stopping, GivesBackTheBestEpochsWeights) {
  EarlyStopping stopping({.patience = 2, .restore_best_weights = true}, model_, true);
  EXPECT_EQ(stops_after(stopping, {3.0, 2.0, 2.5, 2.5}, "val_loss"), 4);
  stopping.give_back(training_);
  for (const float value : training_.current().parameters()) ASSERT_EQ(value, 2);
}

TEST_F(Stopping, TakesAnEpochWithWeightsOfNoUseForOneWithoutImprovement) {
  EarlyStopping stopping({.patience = 2, .restore_best_weights = true}, model_, true);
  stopping.observe_failure();
  EXPECT_FALSE(stopping.gives_back());
  EXPECT_EQ(stops_after(stopping, {3.0}, "val_loss"), 0);
  EXPECT_TRUE(stopping.gives_back());
  std::ranges::fill(training_.current().parameters(), 9.0F);
  stopping.observe_failure();
  EXPECT_FALSE(stopping.should_stop());
  stopping.observe_failure();
  EXPECT_TRUE(stopping.should_stop());
  stopping.give_back(training_);
  for (const float value : training_.current().parameters()) ASSERT_EQ(value, 1);
}

TEST_F(Stopping, GoesOnFromItsState) {
  EarlyStopping before({.patience = 3}, model_, true);
  EXPECT_EQ(stops_after(before, {3.0, 4.0, 4.0}, "val_loss"), 0);
  EarlyStopping after({.patience = 3}, model_, true);
  ASSERT_TRUE(after.can_restore(*before.state()));
  after.restore(before.state());
  EXPECT_EQ(stops_after(after, {4.0}, "val_loss"), 1);
}

TEST_F(Stopping, GoesOnOnlyFromAStateOfTheSameMetricAndWithTheWeightsThatItKeeps) {
  EarlyStopping before({.monitor = config::Monitor::loss, .patience = 3}, model_, true);
  stops_after(before, {3.0}, "loss");
  EXPECT_TRUE(EarlyStopping({.monitor = config::Monitor::loss}, model_, true).can_restore(*before.state()));
  EXPECT_FALSE(
      EarlyStopping({.monitor = config::Monitor::accuracy}, model_, true).can_restore(*before.state()));
  const config::EarlyStopping restoring{.monitor = config::Monitor::loss, .restore_best_weights = true};
  EXPECT_FALSE(EarlyStopping(restoring, model_, true).can_restore(*before.state()));
}

}  // namespace
}  // namespace convoy
