#include "tests/core/cpu/kernel_runner.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>

#include "core/arena.h"
#include "core/random.h"
#include "core/weight_matrix.h"

namespace convoy::test {

namespace {

std::vector<double> draw_values(const RandomStream& stream, std::uint32_t tensor, std::int64_t size,
                                double low, double high) {
  std::vector<double> values(static_cast<std::size_t>(size));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto words = stream(tensor, 0, static_cast<std::uint32_t>(i));
    values[i] = static_cast<double>(static_cast<float>(low + (high - low) * double{uniform_float(words[0])}));
  }
  return values;
}

constexpr std::size_t kGuard = 64;
constexpr std::byte kGuardByte{0xA5};

/// A typed buffer between two guards.
template <class T>
class Guarded {
 public:
  explicit Guarded(std::size_t elements)
      : bytes_(elements * sizeof(T)), arena_(align_up(bytes_) + 2 * kGuard) {
    std::fill_n(arena_.data(), arena_.size(), kGuardByte);
  }
  explicit Guarded(const std::vector<double>& values) : Guarded(values.size()) {
    std::transform(values.begin(), values.end(), data(), [](double value) { return static_cast<T>(value); });
  }

  T* data() { return reinterpret_cast<T*>(arena_.data() + kGuard); }
  const T* data() const { return reinterpret_cast<const T*>(arena_.data() + kGuard); }
  /// What was there must not matter.
  void scribble() { std::fill_n(reinterpret_cast<std::byte*>(data()), bytes_, kGuardByte); }
  std::vector<double> values() { return std::vector<double>(data(), data() + bytes_ / sizeof(T)); }
  /// Bit by bit.
  bool holds(const std::vector<double>& expected) const {
    return std::memcmp(Guarded(expected).data(), data(), bytes_) == 0;
  }
  bool intact() const {
    const auto untouched = [](const std::byte* from, const std::byte* to) {
      return std::all_of(from, to, [](std::byte b) { return b == kGuardByte; });
    };
    const std::byte* begin = arena_.data();
    return untouched(begin, begin + kGuard) && untouched(begin + kGuard + bytes_, begin + arena_.size());
  }

 private:
  std::size_t bytes_;
  Arena arena_;
};

template <class T>
std::vector<Guarded<T>> guarded(const std::vector<std::vector<double>>& tensors) {
  std::vector<Guarded<T>> result;
  for (const auto& tensor : tensors) result.emplace_back(tensor);
  return result;
}

template <class T>
std::vector<const void*> views_of(const std::vector<Guarded<T>>& tensors) {
  std::vector<const void*> views;
  for (const auto& tensor : tensors) views.push_back(tensor.data());
  return views;
}

}  // namespace

Numbers draw_numbers(std::span<const Op> block, std::int64_t samples, std::uint32_t draw) {
  const RandomStream stream(42, RandomPurpose::test, draw);
  Numbers numbers;
  numbers.input = draw_values(stream, 0, samples * block.front().input.elements(), -2, 2);
  numbers.grad_output = draw_values(stream, 1, samples * block.back().output.elements(), -1, 1);
  std::uint32_t tensor = 2;
  for (const Op& op : block)
    for (const ParameterRange& range : op.parameters)
      numbers.parameters.push_back(draw_values(stream, tensor++, range.shape.elements(), -1, 1));
  // mean, variance, a, b of batch normalization, with the last axis as channels.
  const std::int64_t channels = block.front().input[block.front().input.rank() - 1];
  for (const auto& [low, high] : {std::pair{-0.5, 0.5}, {0.5, 1.5}, {-0.1, 0.1}, {-0.1, 0.1}})
    for (double value : draw_values(stream, tensor++, channels, low, high))
      numbers.batch_values.push_back(value);
  return numbers;
}

template <class T>
PreparedRun<T>::PreparedRun(Kernel& kernel, std::span<const Op> block, std::int64_t samples,
                            const Numbers& numbers, const RunOptions& options)
    : kernel_(kernel),
      samples_(samples),
      outputs_(samples * block.back().output.elements()),
      weights_(block.front().parameters.empty() ? Shape{} : block.front().parameters.front().shape),
      numbers_(numbers),
      options_(options) {
  const auto parameters = guarded<T>(numbers.parameters);
  kernel.plan(samples);
  kernel.prepare(views_of(parameters).data(), options.training);
}

/// The deferred gradient part by part.
template <class T>
void PreparedRun<T>::form_in_parts(const BackwardArgs& args, T* gradient) const {
  const WeightGradientArgs::Slice slice{samples_, args.input, args.grad_output};
  const WeightMatrix matrix(weights_, kernel_.weight_gradient_parts());
  std::vector<std::int64_t> sum(static_cast<std::size_t>(matrix.part_elements()), 99);
  for (std::int64_t number = 0; number < matrix.count(); ++number) {
    const WeightGradientPart part = matrix.part(number);
    const bool summed =
        kernel_.sum_weight_gradients({{&slice, 1}, part, 0x1p19F, args.workspace, sum.data()});
    matrix.each_run(part, [&](std::int64_t offset, std::int64_t first, std::int64_t count) {
      std::transform(sum.data() + first, sum.data() + first + count, gradient + offset,
                     [&](std::int64_t value) {
                       return summed ? static_cast<T>(static_cast<double>(value) * 0x1p-44)
                                     : std::numeric_limits<T>::quiet_NaN();
                     });
    });
  }
}

/// A slice's buffers, and the arguments that name them.
template <class T>
struct PreparedRun<T>::Slice {
  explicit Slice(const PreparedRun& of)
      : run(of),
        input(of.numbers_.input),
        grad_output(of.numbers_.grad_output),
        output(static_cast<std::size_t>(of.outputs_)),
        grad_input(of.options_.want_grad_input ? of.numbers_.input.size() : 0),
        parameters(guarded<T>(of.numbers_.parameters)),
        grad_parameters(guarded<T>(of.numbers_.parameters)),
        parameter_views(views_of(parameters)),
        saved(of.kernel_.saved_bytes(of.samples_)),
        workspace(of.kernel_.workspace_bytes(of.samples_)) {
    for (auto& gradient : grad_parameters) {
      gradient.scribble();
      gradient_views.push_back(gradient.data());
    }
    results.forward_record.resize(run.kernel_.forward_record());
    results.backward_record.resize(run.kernel_.backward_record());
  }

  ForwardArgs forward() {
    ForwardArgs args;
    args.samples = run.samples_;
    args.training = run.options_.training;
    args.random = run.options_.random;
    args.parameters = parameter_views.data();
    args.batch_values = run.numbers_.batch_values.data();
    args.input = input.data();
    args.saved = run.options_.training ? saved.data() : nullptr;
    args.workspace = workspace.data();
    args.output = output.data();
    args.record = results.forward_record.data();
    return args;
  }

  BackwardArgs backward() {
    results.output = output.values();
    workspace.scribble();
    BackwardArgs args;
    static_cast<SliceArgs&>(args) = forward();
    args.output = output.data();
    args.grad_output = grad_output.data();
    args.grad_input = run.options_.want_grad_input ? grad_input.data() : nullptr;
    if (run.kernel_.defers_weight_gradient()) gradient_views.front() = nullptr;
    args.grad_parameters = gradient_views.data();
    args.record = results.backward_record.data();
    return args;
  }

  Results finish(const BackwardArgs& args) {
    results.output = output.values();
    if (run.options_.training) {
      if (run.kernel_.defers_weight_gradient()) run.form_in_parts(args, grad_parameters.front().data());
      results.grad_input = grad_input.values();
      for (auto& gradient : grad_parameters) results.grad_parameters.push_back(gradient.values());
    }
    EXPECT_TRUE(input.holds(run.numbers_.input)) << "the input has changed";
    EXPECT_TRUE(input.intact() && output.intact() && grad_output.intact() && grad_input.intact())
        << "a tensor's guard";
    EXPECT_TRUE(saved.intact()) << "saved_bytes() is too small";
    EXPECT_TRUE(workspace.intact()) << "workspace_bytes() is too small";
    for (const auto& tensor : parameters) EXPECT_TRUE(tensor.intact()) << "a parameter's guard";
    for (const auto& tensor : grad_parameters) EXPECT_TRUE(tensor.intact()) << "a gradient's guard";
    return std::move(results);
  }

  const PreparedRun& run;
  Guarded<T> input, grad_output, output, grad_input;
  std::vector<Guarded<T>> parameters, grad_parameters;
  std::vector<const void*> parameter_views;
  std::vector<void*> gradient_views;
  Guarded<std::byte> saved, workspace;
  Results results;
};

template <class T>
Results PreparedRun<T>::run() const {
  Slice slice(*this);
  kernel_.forward(slice.forward());
  BackwardArgs backward;
  if (options_.training) {
    backward = slice.backward();
    kernel_.backward(backward);
  }
  return slice.finish(backward);
}

template <class T>
std::vector<Results> PreparedRun<T>::run_together(std::span<const PreparedRun> runs) {
  std::vector<std::unique_ptr<Slice>> slices;
  std::vector<ForwardArgs> forward;
  std::vector<BackwardArgs> backward;
  for (const PreparedRun& run : runs) slices.push_back(std::make_unique<Slice>(run));
  const Kernel& kernel = runs.front().kernel_;
  void* const workspace = slices.front()->workspace.data();
  for (const auto& slice : slices) forward.push_back(slice->forward());
  for (ForwardArgs& args : forward) args.workspace = workspace;
  kernel.forward_all(forward);
  for (const auto& slice : slices) backward.push_back(slice->backward());
  for (BackwardArgs& args : backward) args.workspace = workspace;
  kernel.backward_all(backward);
  std::vector<Results> results;
  for (std::size_t i = 0; i < slices.size(); ++i) results.push_back(slices[i]->finish(backward[i]));
  return results;
}

template class PreparedRun<float>;
template class PreparedRun<double>;

template <class T>
Results run(Kernel& kernel, std::span<const Op> block, std::int64_t samples, const Numbers& numbers,
            const RunOptions& options) {
  return PreparedRun<T>(kernel, block, samples, numbers, options).run();
}
template Results run<float>(Kernel&, std::span<const Op>, std::int64_t, const Numbers&, const RunOptions&);
template Results run<double>(Kernel&, std::span<const Op>, std::int64_t, const Numbers&, const RunOptions&);

void expect_close(const std::vector<double>& actual, const std::vector<double>& expected, double tolerance,
                  const char* what) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  double largest = 1;
  for (double value : expected) largest = std::max(largest, std::fabs(value));
  for (std::size_t i = 0; i < actual.size(); ++i)
    ASSERT_LE(std::fabs(actual[i] - expected[i]), tolerance * largest)
        << what << '[' << i << "] is " << actual[i] << ", expected " << expected[i];
}

void expect_close(const Results& actual, const Results& expected, double tolerance) {
  expect_close(actual.output, expected.output, tolerance, "output");
  expect_close(actual.grad_input, expected.grad_input, tolerance, "grad_input");
  expect_close(actual.forward_record, expected.forward_record, tolerance, "forward_record");
  expect_close(actual.backward_record, expected.backward_record, tolerance, "backward_record");
  ASSERT_EQ(actual.grad_parameters.size(), expected.grad_parameters.size());
  for (std::size_t p = 0; p < actual.grad_parameters.size(); ++p)
    expect_close(actual.grad_parameters[p], expected.grad_parameters[p], tolerance, "grad_parameters");
}

}  // namespace convoy::test
