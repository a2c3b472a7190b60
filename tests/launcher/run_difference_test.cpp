#include "launcher/run_difference.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "launcher/checkpoint.h"
#include "tests/support/temporary_directory.h"

namespace convoy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// A run of twenty steps, with its mistakes.
struct RunRecipe {
  double loss_at_15 = 0.5;
  double images_per_second = 1000;
  float bias_at_20 = 1;
  std::vector<std::int64_t> checkpoints{10, 20};
  std::int64_t log_every = 5;
  std::int64_t end = 20;
};

class RunsSideBySide : public testing::Test {
 protected:
  RunPaths write(std::string_view name, const RunRecipe& recipe) {
    const RunPaths paths{directory_ / name};
    std::filesystem::create_directories(paths.directory);
    MetricsWriter metrics(paths.metrics());
    metrics.write("start", {{"ranks", name.size()}});
    for (std::int64_t step = recipe.log_every; step <= 20; step += recipe.log_every) {
      metrics.write("step", {{"step", step},
                             {"loss", step == 15 ? recipe.loss_at_15 : 1.0 / static_cast<double>(step)},
                             {"images_per_second", recipe.images_per_second}});
    }
    metrics.write("end", {{"step", recipe.end}, {"weights_sha256", fmt::format("of step {}", recipe.end)}});
    for (const std::int64_t step : recipe.checkpoints) save(paths, step, step == 20 ? recipe.bias_at_20 : 1);
    const std::vector<float> bias{0, recipe.bias_at_20, 2};
    save_safetensors(paths.final_weights(), std::vector{stored_tensor<float>("dense/bias", shape_, bias)});
    return paths;
  }

  void save(const RunPaths& paths, std::int64_t step, float value) {
    const std::vector<float> kernel{1, 2, 3};
    const std::vector<float> bias{0, value, 2};
    CheckpointState state;
    state.cursor.global_step = step;
    save_checkpoint(
        paths.checkpoints(), state,
        std::vector<TensorFile>{{"weights",
                                 {stored_tensor<float>("dense/kernel", shape_, kernel),
                                  stored_tensor<float>("dense/bias", shape_, bias)}},
                                {"optimizer", {stored_tensor<float>("dense/kernel/m", shape_, kernel)}}});
  }

  const std::array<std::int64_t, 1> shape_{3};
  const test::TemporaryDirectory directory_;
};

TEST_F(RunsSideBySide, AreEqualWhateverTheirSpeedAndRanks) {
  const RunDifference difference = compare_runs(
      write("a", {}), write("other", {.images_per_second = 5, .checkpoints = {20}, .log_every = 1}));
  EXPECT_TRUE(difference.equal()) << describe(difference);
  EXPECT_EQ(difference.events_compared, 5);
  EXPECT_THAT(difference.steps_compared, ElementsAre(20));
  EXPECT_TRUE(difference.final_compared);
  EXPECT_EQ(describe(difference), "no difference (5 events, 1 checkpoints and the final weights compared)");
}

TEST_F(RunsSideBySide, PartAtAStepAndATensor) {
  const RunDifference difference =
      compare_runs(write("a", {}), write("b", {.loss_at_15 = 0.25, .bias_at_20 = 1.5}));
  ASSERT_TRUE(difference.metrics);
  EXPECT_EQ(difference.metrics->place, "step 15");
  EXPECT_EQ(difference.metrics->field, "loss");
  ASSERT_TRUE(difference.tensor);
  EXPECT_EQ(difference.tensor->file, "checkpoints/step-20/weights.safetensors");
  EXPECT_EQ(difference.tensor->tensor, "dense/bias");
  EXPECT_EQ(difference.tensor->differing, 1);
  EXPECT_EQ(difference.tensor->first_index, 1);
  EXPECT_EQ(difference.tensor->largest, 0.5);
  EXPECT_THAT(describe(difference),
              HasSubstr("step 15: loss is 0.5, then 0.25\nfirst tensor: checkpoints/step-20/"
                        "weights.safetensors: dense/bias: 1 of 3 elements, by at most 0.5; "
                        "element 1 is 1, then 1.5"));
}

TEST_F(RunsSideBySide, DifferByTheSignOfAZero) {
  const RunDifference difference =
      compare_runs(write("a", {.bias_at_20 = 0.0F}), write("b", {.bias_at_20 = -0.0F}));
  ASSERT_TRUE(difference.tensor);
  EXPECT_EQ(difference.tensor->differing, 1);
  EXPECT_EQ(difference.tensor->largest, 0);
}

TEST_F(RunsSideBySide, AreComparedOnlyWhereBothHaveSomething) {
  const RunPaths whole = write("a", {});
  const RunPaths stopped = write("b", {.checkpoints = {10}});
  std::filesystem::remove(stopped.final_weights());
  const RunDifference difference = compare_runs(whole, stopped);
  EXPECT_TRUE(difference.equal());
  EXPECT_FALSE(difference.final_compared);
}

TEST_F(RunsSideBySide, OneGoesOnWhereTheOtherEnded) {
  const RunDifference difference =
      compare_runs(write("a", {}), write("extended", {.bias_at_20 = 2, .checkpoints = {10}, .end = 24}));
  EXPECT_TRUE(difference.equal()) << describe(difference);
  EXPECT_FALSE(difference.final_compared);
}

TEST_F(RunsSideBySide, EndWithOtherWeights) {
  const RunDifference difference =
      compare_runs(write("a", {}), write("b", {.bias_at_20 = 2, .checkpoints = {10}}));
  EXPECT_TRUE(difference.final_compared);
  ASSERT_TRUE(difference.tensor);
  EXPECT_EQ(difference.tensor->file, "final.safetensors");
}

TEST_F(RunsSideBySide, HaveAnotherModelOrNoRunAtAll) {
  const RunPaths first = write("a", {});
  const RunPaths second = write("b", {});
  const std::vector<float> value{1, 2, 3};
  save_safetensors(second.final_weights(),
                   std::vector{stored_tensor<float>("dense/bias", std::array<std::int64_t, 2>{3, 1}, value)});
  EXPECT_THAT(describe(compare_runs(first, second)),
              HasSubstr("F32 [3] in the first run, F32 [3, 1] in the second"));
  save_safetensors(second.final_weights(), std::vector{stored_tensor<float>("x", shape_, value)});
  EXPECT_EQ(compare_runs(first, second).tensor->problem, "absent in the second run");
  save_safetensors(first.final_weights(), {});
  EXPECT_EQ(compare_runs(first, second).tensor->problem, "absent in the first run");
  EXPECT_THROW(compare_runs(first, {directory_ / "absent"}), ConfigError);
}

TEST_F(RunsSideBySide, WithDamagedFilesAreAnError) {
  const RunPaths first = write("a", {});
  const RunPaths second = write("b", {});
  std::filesystem::resize_file(second.checkpoints() / "step-10" / "optimizer.safetensors", 20);
  EXPECT_THROW(compare_runs(first, second), CheckpointError);
}

}  // namespace
}  // namespace convoy
