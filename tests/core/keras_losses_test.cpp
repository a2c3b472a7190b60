// The loss and its metrics against what Keras computed (scripts/record_reference.py).

#include <gtest/gtest.h>

#include "core/loss.h"
#include "tests/support/recording.h"

namespace convoy {
namespace {

template <class T>
void expect_as_keras(const testing::Recording& keras, const nlohmann::json& one, double tolerance) {
  const std::string name = one["name"];
  const SparseCategoricalCrossentropy loss{one["from_logits"], one["label_smoothing"]};
  const auto output = keras.values<T>(name + "/output");
  const auto labels = keras.values<std::int32_t>(name + "/labels");
  std::vector<T> gradient(output.size());
  LossArgs<T> args;
  args.samples = static_cast<std::int64_t>(labels.size());
  args.classes = static_cast<std::int64_t>(output.size() / labels.size());
  args.output = output.data();
  args.labels = labels.data();
  args.gradient_scale = 1.0 / static_cast<double>(labels.size());
  args.gradient = gradient.data();
  const double mean = loss(args).loss * args.gradient_scale;
  const double expected_mean = keras.values<double>(name + "/loss")[0];
  EXPECT_NEAR(mean, expected_mean, 1e-12 * std::max(1.0, expected_mean)) << name;
  const auto expected = keras.values<double>(name + "/gradient");
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(double{gradient[i]}, expected[i], tolerance * std::max(1.0, std::abs(expected[i])))
        << name << ", " << i;
}

TEST(KerasLosses, ValuesAndGradientsAreThoseOfKeras) {
  const testing::Recording keras("losses");
  for (const auto& one : keras.cases()) {
    expect_as_keras<double>(keras, one, 1e-12);
    expect_as_keras<float>(keras, one, 1e-7);
  }
  EXPECT_GE(keras.cases().size(), 20U);
}

TEST(KerasLosses, AccuraciesAreThoseOfKerasAlsoWhereOutputsAreEqual) {
  const testing::Recording keras("losses");
  for (const auto& one : keras.cases()) {
    const std::string name = one["name"];
    const auto output = keras.values<float>(name + "/output");
    const auto labels = keras.values<std::int32_t>(name + "/labels");
    const auto correct = keras.values<double>(name + "/correct"), top5 = keras.values<double>(name + "/top5");
    const std::size_t classes = output.size() / labels.size();
    for (std::size_t sample = 0; sample < labels.size(); ++sample) {
      LossArgs<float> args;
      args.samples = 1;
      args.classes = static_cast<std::int64_t>(classes);
      args.output = output.data() + sample * classes;
      args.labels = labels.data() + sample;
      const LossSums sums = SparseCategoricalCrossentropy{}(args);
      EXPECT_EQ(sums.correct, correct[sample]) << name << ", sample " << sample;
      EXPECT_EQ(sums.top5, top5[sample]) << name << ", sample " << sample;
    }
  }
}

}  // namespace
}  // namespace convoy
