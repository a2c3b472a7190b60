#include "core/work.h"

#include <gtest/gtest.h>

namespace convoy {
namespace {

Op op(OpKind kind, const Shape& input, const Shape& output, std::vector<ParameterRange> parameters = {}) {
  Op result;
  result.kind = std::move(kind);
  result.input = input;
  result.output = output;
  result.parameters = std::move(parameters);
  return result;
}

/// A 3x3 convolution with bias of [8, 8, 4] to 6 filters, a ReLU, and the maximum of 2x2 windows.
std::vector<Op> pooled_convolution() {
  const Window2d three{.height = 3, .width = 3, .pad_top = 1, .pad_bottom = 1, .pad_left = 1, .pad_right = 1};
  const Window2d two{.height = 2, .width = 2, .stride_y = 2, .stride_x = 2};
  return {op(Conv2dOp{three}, {8, 8, 4}, {8, 8, 6}, {{0, {3, 3, 4, 6}}, {224, {6}}}),
          op(ActivationOp{{ActivationKind::relu}}, {8, 8, 6}, {8, 8, 6}),
          op(Pool2dOp{Pool2dOp::Kind::max, two}, {8, 8, 6}, {4, 4, 6})};
}

constexpr double kProducts = 8 * 8 * 6 * (3 * 3 * 4), kBiases = 8 * 8 * 6;
constexpr double kInput = 8 * 8 * 4, kOutput = 4 * 4 * 6, kParameters = 3 * 3 * 4 * 6 + 6;

TEST(Work, OfTheForwardPassIsTwoFlopsAMultiplyAddAndEachTensorOnce) {
  const Work work = forward_work(pooled_convolution(), 2);
  EXPECT_EQ(work.flops, 2 * kProducts + kBiases + kBiases + kBiases);  // bias, ReLU, a window's four values
  EXPECT_EQ(work.bytes, 4 * (kInput + kOutput + kParameters / 2));
}

TEST(Work, OfGradientsHasAMultiplyAddForEachOfTheForwardPass) {
  const Work data = data_gradient_work(pooled_convolution(), 2, true);
  EXPECT_EQ(data.flops, 2 * kProducts + kBiases + kOutput);  // ReLU, and each window's one value
  EXPECT_EQ(data.bytes, 4 * (kInput + kOutput + kParameters / 2));
  const Work weights = weight_gradient_work(pooled_convolution(), 2);
  EXPECT_EQ(weights.flops, 2 * kProducts + kBiases);
  EXPECT_EQ(weights.bytes, data.bytes);
}

TEST(Work, LeavesOutWhatNobodyNeeds) {
  EXPECT_EQ(data_gradient_work(pooled_convolution(), 2, false).flops, kBiases + kOutput);
  EXPECT_EQ(data_gradient_work(pooled_convolution(), 2, false).bytes, 0);
  const std::vector<Op> ops = pooled_convolution();
  EXPECT_EQ(weight_gradient_work(std::span(ops).subspan(1), 2).bytes, 0);
}

TEST(Work, OfADenseLayerIsThatOfAMatrixProduct) {
  const std::vector<Op> ops{op(DenseOp{false}, {100}, {10}, {{0, {100, 10}}})};
  EXPECT_EQ(forward_work(ops, 4).flops, 2 * 100 * 10);
  EXPECT_EQ(data_gradient_work(ops, 4, true).flops, 2 * 100 * 10);
  EXPECT_EQ(weight_gradient_work(ops, 4).flops, 2 * 100 * 10);
  EXPECT_EQ(weight_gradient_work(ops, 4).bytes, 4 * (100 + 10 + 1000 / 4));
}

}  // namespace
}  // namespace convoy
