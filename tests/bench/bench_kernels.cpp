// Microseconds a sample of every provider's kernels, for the blocks of configs/cifar10-cnn.yaml at slices of
// 8 samples, in one thread: the quickest of many calls. Not a test: run it on a quiet machine.
//   cmake --build build/release --target bench_kernels && build/release/bin/bench_kernels [samples]
//   [avx512|avx2|portable]

#include <chrono>
#include <cstdlib>
#include <fmt/format.h>
#include <string>
#include <vector>

#include "core/arena.h"
#include "core/cpu/backend.h"
#include "core/cpu/libraries.h"
#include "core/random.h"
#include "core/weight_matrix.h"
#include "tests/core/cpu/random_ops.h"

namespace {

using namespace convoy;

double microseconds(const auto& work) {
  using Clock = std::chrono::steady_clock;
  const auto elapsed = [](Clock::time_point since) {
    return std::chrono::duration<double, std::micro>(Clock::now() - since).count();
  };
  double best = 1e30;
  const auto start = Clock::now();
  while (elapsed(start) < 3e5) {
    const auto begin = Clock::now();
    work();
    best = std::min(best, elapsed(begin));
  }
  return best;
}

Arena random_arena(std::int64_t elements, std::uint32_t draw) {
  Arena arena(static_cast<std::size_t>(elements) * sizeof(float) + kAlignment);
  const RandomStream stream(1, RandomPurpose::test, draw);
  float* values = arena.as<float>().data();
  for (std::int64_t i = 0; i < elements; ++i)
    values[i] = uniform_float(stream(0, 0, static_cast<std::uint32_t>(i))[0]) - 0.5F;
  return arena;
}

struct Times {
  double forward = 0, backward = 0;
};

Times measure(Kernel& kernel, std::span<const Op> block, std::int64_t samples) {
  const std::int64_t inputs = samples * block.front().input.elements(),
                     outputs = samples * block.back().output.elements();
  Arena input = random_arena(inputs, 0), output = random_arena(outputs, 1),
        grad_input = random_arena(inputs, 2);
  Arena grad_output = random_arena(outputs, 3);
  std::vector<Arena> parameters, gradients;
  std::vector<const void*> parameter_views;
  std::vector<void*> gradient_views;
  for (const Op& op : block)
    for (const ParameterRange& range : op.parameters) {
      parameters.push_back(random_arena(range.shape.elements(), 4));
      gradients.push_back(random_arena(range.shape.elements(), 5));
    }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    parameter_views.push_back(parameters[i].data());
    gradient_views.push_back(gradients[i].data());
  }
  kernel.plan(samples);
  kernel.prepare(parameter_views.data(), true);
  Arena saved(kernel.saved_bytes(samples) + 64), workspace(kernel.workspace_bytes(samples) + 64);
  std::vector<double> record(kernel.forward_record() + kernel.backward_record() + 1), values(4096, 1.0);

  ForwardArgs forward;
  forward.samples = samples;
  forward.training = true;
  forward.parameters = parameter_views.data();
  forward.batch_values = values.data();
  forward.input = input.data();
  forward.saved = saved.data();
  forward.workspace = workspace.data();
  forward.output = output.data();
  forward.record = record.data();
  BackwardArgs backward;
  static_cast<SliceArgs&>(backward) = forward;
  backward.output = output.data();
  backward.grad_output = grad_output.data();
  backward.grad_input = grad_input.data();
  backward.grad_parameters = gradient_views.data();
  backward.record = record.data();
  Times times;
  times.forward = microseconds([&] { kernel.forward(forward); }) / static_cast<double>(samples);
  const WeightGradientArgs::Slice slice{samples, input.data(), grad_output.data()};
  const Shape weights = gradients.empty() ? Shape{1} : block.front().parameters.front().shape;
  const WeightMatrix matrix(weights, kernel.weight_gradient_parts());
  Arena sum(static_cast<std::size_t>(matrix.part_elements()) * sizeof(std::int64_t));
  const auto form_weight_gradients = [&] {
    for (std::int64_t number = 0; number < matrix.count(); ++number)
      kernel.sum_weight_gradients(
          {{&slice, 1}, matrix.part(number), 0x1p19F, workspace.data(), sum.as<std::int64_t>().data()});
  };
  times.backward = microseconds([&] {
                     kernel.backward(backward);
                     if (kernel.defers_weight_gradient()) form_weight_gradients();
                   }) /
                   static_cast<double>(samples);
  return times;
}

/// The ops of the example, with those of its variants behind them.
std::vector<Op> example() {
  std::vector<Op> ops;
  Shape shape{32, 32, 3};
  for (const std::int64_t filters : {32, 64, 128}) {
    Conv2dOp conv;
    conv.window.height = conv.window.width = 3;
    conv.window = test::same_window(shape, conv.window);
    ops.push_back(test::conv2d_op(shape, filters, conv));
    ops.push_back(test::relu_op(ops.back().output));
    Pool2dOp pool;
    pool.window.height = pool.window.width = pool.window.stride_y = pool.window.stride_x = 2;
    ops.push_back(test::pool2d_op(ops.back().output, pool));
    shape = ops.back().output;
  }
  ops.push_back(test::dense_op(shape, 128));
  ops.push_back(test::relu_op({128}));
  ops.push_back(test::dense_op({128}, 10));
  return ops;
}

/// A convolution that keeps the picture's size where `stride` is 1.
Op convolution(const Shape& input, std::int64_t filters, std::int64_t size, std::int64_t stride = 1) {
  Conv2dOp conv;
  conv.use_bias = false;
  conv.window.height = conv.window.width = size;
  conv.window.stride_y = conv.window.stride_x = stride;
  conv.window = test::same_window(input, conv.window);
  return test::conv2d_op(input, filters, conv);
}

std::vector<Op> variants() {
  std::vector<Op> ops{convolution({32, 32, 3}, 64, 3),   convolution({16, 16, 64}, 128, 3),
                      convolution({8, 8, 256}, 256, 3),  convolution({4, 4, 512}, 512, 3),
                      convolution({2, 2, 512}, 512, 3),  convolution({16, 16, 32}, 32, 5),
                      convolution({16, 16, 64}, 128, 1), convolution({16, 16, 64}, 128, 3, 2)};
  const Shape shape{16, 16, 64};
  Op op = test::relu_op(shape);
  for (const OpKind& kind :
       {OpKind(BatchMomentsOp{}), OpKind(NormalizeOp{}), OpKind(DropoutOp{0.25}),
        OpKind(ActivationOp{{ActivationKind::gelu}}), OpKind(ActivationOp{{ActivationKind::tanh}})}) {
    op.kind = kind;
    op.parameters.clear();
    if (std::holds_alternative<NormalizeOp>(kind)) op.parameters = {{0, {64}}, {64, {64}}};
    ops.push_back(op);
  }
  Pool2dOp pool;
  pool.kind = Pool2dOp::Kind::average;
  pool.window.height = pool.window.width = pool.window.stride_y = pool.window.stride_x = 2;
  ops.push_back(test::pool2d_op(shape, pool));
  op = test::relu_op(shape);
  op.kind = GlobalAveragePool2dOp{};
  op.output = {64};
  ops.push_back(op);
  Conv2dOp depthwise;
  depthwise.groups = 64;
  depthwise.window.height = depthwise.window.width = 3;
  depthwise.window = test::same_window(shape, depthwise.window);
  ops.push_back(test::conv2d_op(shape, 64, depthwise));
  return ops;
}

void print(const std::string& what, const Op& op, const Times& times, const char* mark) {
  fmt::print("{:40} {:24} {:>14} {:9.2f} {:9.2f} {}\n", what, std::string(name_of(op.kind)),
             op.input.to_string(), times.forward, times.backward, mark);
}

/// One row for each provider's offer; the chosen one's times are added to `total`.
std::size_t compare(const CpuBackend& backend, std::span<const Op> ops, std::int64_t samples, Times& total) {
  const auto choice = backend.select(ops, DType::float32);
  for (const auto& provider : backend.providers()) {
    const auto offer = provider->offer(ops, DType::float32);
    if (!offer || (provider->name() == "reference" && offer->ops != choice.offer.ops)) continue;
    const auto block = ops.first(offer->ops);
    const Times times = measure(*provider->make(block, DType::float32), block, samples);
    const bool chosen = provider.get() == choice.provider;
    print(fmt::format("{}: {}", provider->name(), offer->kernel), ops.front(), times, chosen ? "*" : "");
    if (!chosen) continue;
    total.forward += times.forward;
    total.backward += times.backward;
  }
  return choice.offer.ops;
}

}  // namespace

int main(int argc, char** argv) {
  const std::int64_t samples = argc > 1 ? std::atoi(argv[1]) : 8;
  Isa isa = widest_isa();
  for (Isa candidate : available_isas())
    if (argc > 2 && name_of(candidate) == argv[2]) isa = candidate;
  if (argc > 2) pin_libraries(isa);
  flush_denormals();
  const CpuBackend backend(loops_of(isa));
  for (const auto& [library, set] : cpu_libraries(isa).instruction_sets) fmt::print("{}: {}\n", library, set);
  fmt::print("{:40} {:24} {:>14} {:>9} {:>9}  (us a sample, {} samples; * is chosen)\n", "", "", "",
             "forward", "backward", samples);
  Times total;
  const auto ops = example();
  for (std::span<const Op> rest(ops); !rest.empty();)
    rest = rest.subspan(compare(backend, rest, samples, total));
  fmt::print("{:40} {:24} {:>14} {:9.2f} {:9.2f}\n", "all that is chosen", "", "", total.forward,
             total.backward);

  std::int64_t parameters = 0;
  for (const Op& op : ops)
    for (const ParameterRange& range : op.parameters) parameters += range.shape.elements();
  const Arena gradient = random_arena(parameters, 9);
  Arena sums(static_cast<std::size_t>(parameters) * sizeof(std::int64_t));
  const double exact =
      microseconds([&] {
        backend.loops().accumulate_exact(sums.as<std::int64_t>().data(), gradient.as<float>().data(),
                                         static_cast<std::size_t>(parameters), 0x1p19F);
      }) /
      static_cast<double>(samples);
  fmt::print("exact sum of {} gradients: {:.2f} us a sample\n", parameters, exact);
  fmt::print("in all {:.0f} us a sample, {:.0f} samples a second\n\n", total.forward + total.backward + exact,
             1e6 / (total.forward + total.backward + exact));
  Times ignored;
  const auto others = variants();
  for (const Op& op : others) compare(backend, std::span(&op, 1), samples, ignored);
}
