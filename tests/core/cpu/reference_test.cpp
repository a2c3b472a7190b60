#include <algorithm>
#include <cmath>
#include <functional>
#include <gtest/gtest.h>
#include <numeric>

#include "core/cpu/reference/provider.h"
#include "tests/core/cpu/kernel_runner.h"
#include "tests/core/cpu/random_ops.h"

namespace convoy {
namespace {

using namespace test;

constexpr std::uint32_t kDraws = 12;

std::unique_ptr<Kernel> reference(const Op& op, DType type) {
  return make_reference_provider()->make(std::span(&op, 1), type);
}

bool normalizes(const Op& op) {
  return std::holds_alternative<BatchMomentsOp>(op.kind) || std::holds_alternative<NormalizeOp>(op.kind);
}

/// Compares the gradient of `scalar` with respect to some of `values`, which `scalar` reads, with central
/// differences.
void expect_gradient(const std::vector<double>& gradient, std::vector<double>& values,
                     const std::function<double()>& scalar, const char* what) {
  ASSERT_EQ(gradient.size(), values.size());
  const double h = 1e-6;
  const std::size_t stride = std::max<std::size_t>(1, values.size() / 16);
  for (std::size_t i = 0; i < values.size(); i += stride) {
    const double kept = values[i];
    values[i] = kept + h;
    const double above = scalar();
    values[i] = kept - h;
    const double below = scalar();
    values[i] = kept;
    ASSERT_NEAR(gradient[i], (above - below) / (2 * h), 1e-7 * std::max(1.0, std::fabs(gradient[i])))
        << what << i;
  }
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

TEST(Reference, GradientsAreCentralDifferences) {
  for (std::uint32_t draw = 0; draw < kDraws; ++draw)
    for (const Op& op : draw_ops(draw)) {
      if (normalizes(op)) continue;
      SCOPED_TRACE(describe(op));
      const std::int64_t samples = 1 + draw % 3;
      const auto kernel = reference(op, DType::float64);
      Numbers numbers = draw_numbers(std::span(&op, 1), samples, draw);
      // The output weighted by grad_output: the scalar whose gradients backward() gives.
      const auto scalar = [&] {
        return dot(run<double>(*kernel, std::span(&op, 1), samples, numbers).output, numbers.grad_output);
      };
      const Results results = run<double>(*kernel, std::span(&op, 1), samples, numbers);
      expect_gradient(results.grad_input, numbers.input, scalar, "input ");
      for (std::size_t p = 0; p < numbers.parameters.size(); ++p)
        expect_gradient(results.grad_parameters[p], numbers.parameters[p], scalar, "parameter ");
    }
}

/// A whole batch normalization of one slice, meeting included.
struct BatchNormalization {
  Op moments_op;
  Op normalize_op;
  std::int64_t channels;
  double epsilon;

  explicit BatchNormalization(const Op& normalize)
      : moments_op(normalize),
        normalize_op(normalize),
        channels(normalize.input[normalize.input.rank() - 1]),
        epsilon(std::get<NormalizeOp>(normalize.kind).epsilon) {
    moments_op.kind = BatchMomentsOp{.epsilon = epsilon};
    moments_op.parameters.clear();
  }

  Results moments(std::int64_t samples, const Numbers& numbers) const {
    return run<double>(*reference(moments_op, DType::float64), std::span(&moments_op, 1), samples, numbers);
  }
  /// Sets the batch values that follow from the input, then normalizes.
  Results forward(std::int64_t samples, Numbers& numbers) const {
    const auto record = moments(samples, numbers).forward_record;
    const auto c = static_cast<std::size_t>(channels);
    for (std::size_t i = 0; i < c; ++i) {
      numbers.batch_values[i] = record[1 + i];
      numbers.batch_values[c + i] = record[1 + c + i] / record[0];
    }
    return run<double>(*reference(normalize_op, DType::float64), std::span(&normalize_op, 1), samples,
                       numbers);
  }
};

TEST(Reference, BatchNormalizationsGradientsAreCentralDifferences) {
  for (std::uint32_t draw = 0; draw < kDraws; ++draw)
    for (const Op& op : draw_ops(draw)) {
      if (!std::holds_alternative<NormalizeOp>(op.kind)) continue;
      SCOPED_TRACE(describe(op));
      const std::int64_t samples = 3;
      const BatchNormalization layer(op);
      Numbers numbers = draw_numbers(std::span(&op, 1), samples, draw);
      const auto scalar = [&] { return dot(layer.forward(samples, numbers).output, numbers.grad_output); };
      const Results normalized = layer.forward(samples, numbers);
      const auto c = static_cast<std::size_t>(layer.channels);
      Numbers behind = numbers;
      behind.grad_output = normalized.grad_input;
      const double count = static_cast<double>(numbers.input.size() / c);
      for (std::size_t i = 0; i < 2 * c; ++i)
        behind.batch_values[2 * c + i] = normalized.backward_record[i] / count;
      expect_gradient(layer.moments(samples, behind).grad_input, numbers.input, scalar, "input ");
      for (std::size_t p = 0; p < numbers.parameters.size(); ++p)
        expect_gradient(normalized.grad_parameters[p], numbers.parameters[p], scalar, "parameter ");
    }
}

TEST(Reference, FloatIsDoubleRounded) {
  for (std::uint32_t draw = 0; draw < kDraws; ++draw)
    for (const Op& op : draw_ops(draw)) {
      SCOPED_TRACE(describe(op));
      const std::int64_t samples = 1 + draw % 3;
      const Numbers numbers = draw_numbers(std::span(&op, 1), samples, draw);
      const auto in_float = run<float>(*reference(op, DType::float32), std::span(&op, 1), samples, numbers);
      const auto in_double = run<double>(*reference(op, DType::float64), std::span(&op, 1), samples, numbers);
      expect_close(in_float, in_double, 1e-6);
    }
}

TEST(Reference, ConvolutionOfAnImpulseIsTheFlippedKernel) {
  // [3, 3, 1] with a one in the middle, a 3x3 kernel, `same` padding: y[i, j] = kernel[2 - i, 2 - j].
  Conv2dOp conv;
  conv.use_bias = false;
  conv.window.height = conv.window.width = 3;
  conv.window = same_window({3, 3, 1}, conv.window);
  const Op op = conv2d_op({3, 3, 1}, 1, conv);
  Numbers numbers = draw_numbers(std::span(&op, 1), 1, 0);
  numbers.input = {0, 0, 0, 0, 1, 0, 0, 0, 0};
  numbers.parameters = {{1, 2, 3, 4, 5, 6, 7, 8, 9}};
  const auto output = run<double>(*reference(op, DType::float64), std::span(&op, 1), 1, numbers).output;
  EXPECT_EQ(output, (std::vector<double>{9, 8, 7, 6, 5, 4, 3, 2, 1}));
}

TEST(Reference, MaximumPoolingGivesTheGradientToTheFirstOfEqualValues) {
  Pool2dOp pool;
  pool.window.height = pool.window.width = pool.window.stride_y = pool.window.stride_x = 2;
  const Op op = pool2d_op({2, 2, 1}, pool);
  Numbers numbers = draw_numbers(std::span(&op, 1), 1, 0);
  numbers.input = {1, 5, 5, 5};
  numbers.grad_output = {3};
  const auto results = run<double>(*reference(op, DType::float64), std::span(&op, 1), 1, numbers);
  EXPECT_EQ(results.output, (std::vector<double>{5}));
  EXPECT_EQ(results.grad_input, (std::vector<double>{0, 3, 0, 0}));
}

TEST(Reference, AveragePoolingDoesNotCountPadding) {
  Pool2dOp pool;
  pool.kind = Pool2dOp::Kind::average;
  pool.window.height = pool.window.width = 2;
  pool.window.pad_bottom = pool.window.pad_right = 1;
  const Op op = pool2d_op({2, 2, 1}, pool);
  Numbers numbers = draw_numbers(std::span(&op, 1), 1, 0);
  numbers.input = {1, 2, 3, 4};
  EXPECT_EQ(run<double>(*reference(op, DType::float64), std::span(&op, 1), 1, numbers).output,
            (std::vector<double>{2.5, 3, 3.5, 4}));
}

TEST(Reference, DropoutKeepsTheExpectedShareAndIsTheIdentityInEvaluation) {
  Op op = relu_op({100, 100, 1});
  op.kind = DropoutOp{0.3};
  Numbers numbers = draw_numbers(std::span(&op, 1), 1, 0);
  std::fill(numbers.input.begin(), numbers.input.end(), 1.0);
  const auto kernel = reference(op, DType::float64);
  const auto output = run<double>(*kernel, std::span(&op, 1), 1, numbers).output;
  EXPECT_NEAR(static_cast<double>(std::count(output.begin(), output.end(), 0.0)), 3000, 150);
  EXPECT_EQ(*std::max_element(output.begin(), output.end()), 1 / (1 - 0.3));
  EXPECT_EQ(run<double>(*kernel, std::span(&op, 1), 1, numbers, {.training = false}).output, numbers.input);
}

TEST(Reference, DropoutsDrawsBelongToThePositionInTheGlobalBatch) {
  Op op = relu_op({50});
  op.kind = DropoutOp{0.5};
  Numbers both = draw_numbers(std::span(&op, 1), 2, 0), second = both;
  second.input.erase(second.input.begin(), second.input.begin() + 50);
  second.grad_output.erase(second.grad_output.begin(), second.grad_output.begin() + 50);
  const auto kernel = reference(op, DType::float64);
  RunOptions options;
  auto expected = run<double>(*kernel, std::span(&op, 1), 2, both, options).output;
  expected.erase(expected.begin(), expected.begin() + 50);
  options.random.first_position += 1;
  EXPECT_EQ(run<double>(*kernel, std::span(&op, 1), 1, second, options).output, expected);
}

}  // namespace
}  // namespace convoy
