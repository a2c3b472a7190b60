#include <gtest/gtest.h>

#include <cmath>

#include "core/cpu/backend.h"
#include "core/cpu/isa.h"
#include "core/cpu/native/provider.h"
#include "core/cpu/onednn/provider.h"
#include "core/cpu/reference/provider.h"
#include "tests/support/kernel_run.h"

namespace convoy {
namespace {

using testing::KernelInput;
using testing::KernelResult;

/// An op of random geometry, with its output shape and parameters.
Op conv2d(std::uint32_t draw) {
  const auto words = RandomStream(2, RandomPurpose::test, draw)(0, 0, 0);
  const auto more = RandomStream(2, RandomPurpose::test, draw)(0, 0, 1);
  const auto pick = [](std::uint32_t& word, std::initializer_list<std::int64_t> from) {
    const std::int64_t chosen = from.begin()[word % from.size()];
    word /= 8;
    return chosen;
  };
  std::uint32_t a = words[0], b = words[1], c = words[2], d = more[0];
  Conv2dOp conv;
  conv.groups = pick(a, {1, 1, 1, 2, 4});
  const std::int64_t channels = conv.groups * pick(a, {1, 3, 4, 16}), filters = conv.groups * pick(a, {1, 5, 8, 16, 32});
  Window2d& w = conv.window;
  w.height = pick(b, {1, 2, 3, 3, 5});
  w.width = pick(b, {1, 2, 3, 3, 5});
  w.stride_y = pick(b, {1, 1, 2, 3});
  w.stride_x = pick(b, {1, 1, 2, 3});
  w.dilation_y = pick(c, {1, 1, 2});
  w.dilation_x = pick(c, {1, 1, 2});
  w.pad_top = pick(c, {0, 1, 2});
  w.pad_bottom = pick(c, {0, 1, 2});
  w.pad_left = pick(d, {0, 1, 2});
  w.pad_right = pick(d, {0, 1, 2});
  conv.use_bias = pick(d, {1, 1, 0}) == 1;
  Op op;
  op.input = {pick(d, {9, 10, 12}), pick(d, {9, 11, 12}), channels};
  const auto extent = [](std::int64_t in, std::int64_t window, std::int64_t stride, std::int64_t dilation,
                         std::int64_t pads) { return (in + pads - ((window - 1) * dilation + 1)) / stride + 1; };
  op.output = {extent(op.input[0], w.height, w.stride_y, w.dilation_y, w.pad_top + w.pad_bottom),
               extent(op.input[1], w.width, w.stride_x, w.dilation_x, w.pad_left + w.pad_right), filters};
  op.parameters = {{0, {w.height, w.width, channels / conv.groups, filters}}};
  if (conv.use_bias) op.parameters.push_back({0, {filters}});
  op.kind = conv;
  op.layer_name = "conv2d";
  return op;
}

Op pool2d(std::uint32_t draw, Pool2dOp::Kind kind) {
  const auto words = RandomStream(3, RandomPurpose::test, draw)(0, 0, 0);
  Pool2dOp pool;
  pool.kind = kind;
  Window2d& w = pool.window;
  w.height = 1 + words[0] % 3;
  w.width = 1 + words[0] / 16 % 3;
  w.stride_y = words[1] % 2 ? w.height : 1 + words[1] / 16 % 3;
  w.stride_x = words[1] % 2 ? w.width : 1 + words[1] / 256 % 3;
  Op op;
  op.input = {8 + words[2] % 3, 8 + words[2] / 16 % 3, std::int64_t{1} << (words[2] / 256 % 6)};
  // `same` padding, whose odd pixel is at the bottom and right.
  const bool same = words[3] % 2;
  const auto resolve = [&](std::int64_t in, std::int64_t window, std::int64_t stride, std::int64_t& before,
                           std::int64_t& after) {
    const std::int64_t out = same ? (in + stride - 1) / stride : (in - window) / stride + 1;
    const std::int64_t total = same ? std::max((out - 1) * stride + window - in, std::int64_t{0}) : 0;
    before = total / 2;
    after = total - before;
    return out;
  };
  const std::int64_t height = resolve(op.input[0], w.height, w.stride_y, w.pad_top, w.pad_bottom);
  const std::int64_t width = resolve(op.input[1], w.width, w.stride_x, w.pad_left, w.pad_right);
  op.output = {height, width, op.input[2]};
  op.kind = pool;
  op.layer_name = "pool2d";
  return op;
}

Op dense(std::uint32_t draw) {
  const auto words = RandomStream(4, RandomPurpose::test, draw)(0, 0, 0);
  const std::int64_t inputs = 1 + words[0] % 70, units = 1 + words[1] % 150;
  Op op;
  op.input = {inputs};
  op.output = {units};
  op.kind = DenseOp{words[2] % 3 != 0};
  op.parameters = {{0, {inputs, units}}};
  if (words[2] % 3 != 0) op.parameters.push_back({0, {units}});
  op.layer_name = "dense";
  return op;
}

Op activation(Activation kind) {
  Op op;
  op.input = op.output = {3, 5, 7};
  op.kind = ActivationOp{kind};
  op.layer_name = "activation";
  return op;
}

/// Every kind of op that providers may compute, several of each.
std::vector<std::vector<Op>> blocks() {
  std::vector<std::vector<Op>> all;
  for (std::uint32_t draw = 0; draw < 40; ++draw) {
    all.push_back({conv2d(draw)});
    Op relu = activation({ActivationKind::relu});
    relu.input = relu.output = all.back()[0].output;
    if (draw % 2) all.push_back({all.back()[0], relu});
    all.push_back({pool2d(draw, Pool2dOp::Kind::max)});
    all.push_back({pool2d(draw, Pool2dOp::Kind::average)});
    all.push_back({dense(draw)});
  }
  for (ActivationKind kind : {ActivationKind::relu, ActivationKind::leaky_relu, ActivationKind::gelu, ActivationKind::tanh,
                              ActivationKind::sigmoid, ActivationKind::softmax})
    all.push_back({activation({kind})});
  all.push_back({activation({ActivationKind::gelu, 0, true})});
  return all;
}

KernelInput input_for(std::span<const Op> block, std::int64_t samples, std::uint32_t stream) {
  KernelInput in;
  in.samples = samples;
  in.input = testing::random_values(samples * block.front().input.elements(), stream);
  in.grad_output = testing::random_values(samples * block.back().output.elements(), stream + 1);
  for (const Op& op : block)
    for (const ParameterRange& range : op.parameters)
      in.parameters.push_back(testing::random_values(range.shape.elements(), stream + 2));
  // What a float kernel sees, exactly.
  const auto round = [](std::vector<double>& values) {
    for (double& value : values) value = static_cast<float>(value);
  };
  round(in.input);
  round(in.grad_output);
  for (auto& values : in.parameters) round(values);
  return in;
}

/// The block op by op in double.
KernelResult reference_result(std::span<const Op> block, const KernelInput& in) {
  const auto reference = make_reference_provider();
  if (block.size() == 1) return testing::run_kernel<double>(*reference->make(block, DType::float64), block, in);
  KernelInput first = in;
  auto first_kernel = reference->make(block.first(1), DType::float64);
  first.grad_output.resize(static_cast<std::size_t>(in.samples * block[0].output.elements()));
  KernelInput second = in;
  second.parameters.clear();
  second.input = testing::run_kernel<double>(*first_kernel, block.first(1), first).output;
  const auto behind =
      testing::run_kernel<double>(*reference->make(block.subspan(1), DType::float64), block.subspan(1), second);
  first.grad_output = behind.grad_input;
  KernelResult result = testing::run_kernel<double>(*first_kernel, block.first(1), first);
  result.output = behind.output;
  return result;
}

void expect_close(const std::vector<double>& values, const std::vector<double>& expected, const std::string& what) {
  ASSERT_EQ(values.size(), expected.size()) << what;
  double largest = 1e-30;
  for (double value : expected) largest = std::max(largest, std::fabs(value));
  for (std::size_t i = 0; i < values.size(); ++i)
    ASSERT_LE(std::fabs(values[i] - expected[i]), 1e-5 * largest) << what << " element " << i;
}

std::vector<std::unique_ptr<Provider>> providers(const simd::Table& loops) {
  std::vector<std::unique_ptr<Provider>> all;
  if (auto onednn = make_onednn_provider(loops)) all.push_back(std::move(onednn));
  all.push_back(make_native_provider(loops));
  all.push_back(make_reference_provider());
  return all;
}

TEST(Providers, EveryKernelMatchesTheReferenceInDouble) {
  int compared = 0;
  for (Isa isa : available_isas())
    for (const auto& provider : providers(loops_of(isa)))
      for (const auto& block : blocks()) {
        const auto offer = provider->offer(block, DType::float32);
        if (!offer || offer->ops != block.size()) continue;
        for (std::int64_t samples : {1, 3, 8}) {
          const KernelInput in = input_for(block, samples, static_cast<std::uint32_t>(samples));
          const KernelResult expected = reference_result(block, in);
          const auto kernel = provider->make(block, DType::float32);
          const KernelResult result = testing::run_kernel<float>(*kernel, block, in);
          const std::string what = std::string(name_of(isa)) + " " + std::string(provider->name()) + " " +
                                   std::string(name_of(block[0].kind)) + " " + block[0].input.to_string() + " -> " +
                                   block[0].output.to_string();
          expect_close(result.output, expected.output, what + " output");
          expect_close(result.grad_input, expected.grad_input, what + " grad_input");
          for (std::size_t p = 0; p < expected.grad_parameters.size(); ++p)
            expect_close(result.grad_parameters[p], expected.grad_parameters[p], what + " gradient of parameter");
          if (HasFatalFailure()) return;
          ++compared;
        }
      }
  EXPECT_GT(compared, 300);
}

TEST(AccumulateExact, IsTheSameIntegerOnEveryInstructionSet) {
  const RandomStream random(5, RandomPurpose::test);
  for (std::size_t n : {1, 15, 16, 100}) {
    std::vector<float> values(n);
    for (std::size_t i = 0; i < n; ++i) {
      const auto words = random(0, 0, static_cast<std::uint32_t>(i));
      values[i] = std::ldexp(uniform_float(words[0]) - 0.5F, static_cast<int>(words[1] % 64) - 45);
    }
    for (Isa isa : available_isas()) {
      std::vector<std::int64_t> sums(n, -3);
      EXPECT_TRUE(loops_of(isa).accumulate_exact(sums.data(), values.data(), n, 0x1p19F));
      for (std::size_t i = 0; i < n; ++i)
        EXPECT_EQ(sums[i], -3 + std::llrint(std::ldexp(static_cast<double>(values[i]), 44))) << values[i];
    }
  }
}

TEST(AccumulateExact, RefusesWhatIsNotFiniteOrTooLarge) {
  for (Isa isa : available_isas())
    for (float bad : {NAN, INFINITY, -INFINITY, 1024.0F, -1024.0F})
      for (std::size_t place : {0, 17, 20}) {
        std::vector<float> values(21, 1.0F);
        std::vector<std::int64_t> sums(21, 0);
        EXPECT_TRUE(loops_of(isa).accumulate_exact(sums.data(), values.data(), 21, 1024));
        values[place] = bad;
        EXPECT_FALSE(loops_of(isa).accumulate_exact(sums.data(), values.data(), 21, 1024)) << bad;
      }
}

}  // namespace
}  // namespace convoy
