#include "core/loss.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <vector>

namespace convoy {
namespace {

LossSums evaluate(const SparseCategoricalCrossentropy& loss, const std::vector<double>& output,
                  const std::vector<std::int32_t>& labels, std::vector<double>* gradient = nullptr,
                  double scale = 1) {
  LossArgs<double> args;
  args.samples = static_cast<std::int64_t>(labels.size());
  args.classes = static_cast<std::int64_t>(output.size() / labels.size());
  args.output = output.data();
  args.labels = labels.data();
  args.gradient_scale = scale;
  if (gradient) gradient->resize(output.size());
  args.gradient = gradient ? gradient->data() : nullptr;
  return loss(args);
}

TEST(SparseCategoricalCrossentropy, IsTheLogarithmOfTheSoftmaxAtTheLabel) {
  const LossSums sums = evaluate({}, {1, 2, 3, 0, 0, 0}, {0, 2});
  const double first = -std::log(std::exp(1.0) / (std::exp(1.0) + std::exp(2.0) + std::exp(3.0)));
  EXPECT_NEAR(sums.loss, first + std::log(3.0), 1e-14);
}

TEST(SparseCategoricalCrossentropy, ProbabilitiesGiveTheSameLossAsTheirLogarithms) {
  const LossSums sums = evaluate({.from_logits = false}, {0.2, 0.3, 0.5}, {1});
  EXPECT_NEAR(sums.loss, -std::log(0.3), 1e-14);
}

TEST(SparseCategoricalCrossentropy, LabelSmoothingSpreadsTheTarget) {
  const std::vector<double> logits{0.5, -1, 2, 0};
  double sum = 0;
  for (double logit : logits) sum += std::exp(logit);
  double expected = 0;
  for (std::size_t c = 0; c < 4; ++c)
    expected -= ((c == 1 ? 0.9 : 0) + 0.1 / 4) * std::log(std::exp(logits[c]) / sum);
  EXPECT_NEAR(evaluate({.label_smoothing = 0.1}, logits, {1}).loss, expected, 1e-14);
}

TEST(SparseCategoricalCrossentropy, GradientMatchesCentralDifferences) {
  for (bool from_logits : {true, false})
    for (double smoothing : {0.0, 0.2}) {
      const SparseCategoricalCrossentropy loss{from_logits, smoothing};
      std::vector<double> output{0.1, 0.2, 0.3, 0.35, 0.7, 0.1, 0.15, 0.05};
      const std::vector<std::int32_t> labels{2, 0};
      std::vector<double> gradient;
      evaluate(loss, output, labels, &gradient, 0.5);
      for (std::size_t i = 0; i < output.size(); ++i) {
        const double h = 1e-6, kept = output[i];
        output[i] = kept + h;
        const double above = evaluate(loss, output, labels).loss;
        output[i] = kept - h;
        const double below = evaluate(loss, output, labels).loss;
        output[i] = kept;
        EXPECT_NEAR(gradient[i], 0.5 * (above - below) / (2 * h), 1e-8);
      }
    }
}

TEST(SparseCategoricalCrossentropy, HugeLogitsStayFiniteAndNanShows) {
  EXPECT_NEAR(evaluate({}, {1e30, 0}, {0}).loss, 0, 1e-12);
  EXPECT_TRUE(std::isnan(evaluate({}, {std::nan(""), 0}, {0}).loss));
}

TEST(SparseCategoricalCrossentropy, TheFirstOfEqualOutputsIsTheAnswer) {
  EXPECT_EQ(evaluate({}, {1, 1, 0}, {0}).correct, 1);
  EXPECT_EQ(evaluate({}, {1, 1, 0}, {1}).correct, 0);
  EXPECT_EQ(evaluate({}, {std::nan(""), 1, 0}, {1}).correct, 0);
}

TEST(SparseCategoricalCrossentropy, TopFiveCountsLabelsWithFewerThanFiveLarger) {
  EXPECT_EQ(evaluate({}, {6, 5, 4, 3, 2, 1}, {4}).top5, 1);
  EXPECT_EQ(evaluate({}, {6, 5, 4, 3, 2, 1}, {5}).top5, 0);
  EXPECT_EQ(evaluate({}, {1, 1, 1, 1, 1, 1}, {5}).top5, 1);
}

}  // namespace
}  // namespace convoy
