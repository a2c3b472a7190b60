#include <algorithm>

#include "core/arena.h"
#include "core/cpu/native/kernels.h"
#include "core/cpu/native/samples.h"

namespace convoy::native {

namespace {

/// Elements from which on a weight gradient is formed in parts: one that would leave the first-level cache.
constexpr std::int64_t kDeferred = 8192;

class Dense : public Kernel {
 public:
  Dense(const Op& op, const simd::Table& loops)
      : inputs_(op.input.elements()),
        units_(op.output.elements()),
        use_bias_(std::get<DenseOp>(op.kind).use_bias),
        loops_(loops) {}

  /// Weights that leave the nearest cache are read once for two usual slices.
  std::int64_t samples_at_once() const override { return defers_weight_gradient() ? 16 : 0; }

  void forward(const ForwardArgs& args) const override { forward_all({&args, 1}); }
  void forward_all(std::span<const ForwardArgs> slices) const override {
    const void* const* parameters = slices.front().parameters;
    const float* bias = use_bias_ ? static_cast<const float*>(parameters[1]) : nullptr;
    each_samples(slices, inputs_, units_, [&](const Samples& samples) {
      loops_.matrix_product(samples.size(), inputs_, units_, samples.from.data(),
                            static_cast<const float*>(parameters[0]), bias, samples.to.data());
    });
  }

  bool defers_weight_gradient() const override { return inputs_ * units_ >= kDeferred; }

  /// The sums stay in the first-level cache.
  WeightGradientParts weight_gradient_parts() const override {
    constexpr std::int64_t kElements = 2048;
    const std::int64_t rows = kElements / units_;
    return {.rows = rows >= 16 ? rows / 16 * 16 : rows >= 8 ? 8 : 4, .columns = units_};
  }

  bool sum_weight_gradients(const WeightGradientArgs& args) const override {
    const std::int64_t first = args.part.first_row, rows = args.part.rows();
    std::fill_n(args.sum, rows * units_, std::int64_t{0});
    bool summed = true;
    for (std::size_t s = 0; s < args.slices.size(); ++s) {
      const WeightGradientArgs::Slice& slice = args.slices[s];
      if (s + 1 < args.slices.size())
        fetch(args.slices[s + 1], first, rows);
      else if (args.part.last_row < inputs_)  // probably the next part
        fetch(args.slices[0], args.part.last_row, rows);
      summed &= loops_.accumulate_weight_gradient(
          {slice.samples, inputs_, rows, units_, static_cast<const float*>(slice.input) + first,
           static_cast<const float*>(slice.grad_output)},
          args.limit, args.sum);
    }
    return summed;
  }

  void backward(const BackwardArgs& args) const override { backward_all({&args, 1}); }
  void backward_all(std::span<const BackwardArgs> slices) const override {
    for (const BackwardArgs& args : slices) form_parameter_gradients(args);
    if (!slices.front().grad_input) return;
    each_samples(slices, units_, inputs_, [&](const Samples& samples) {
      loops_.data_gradient(samples.size(), inputs_, units_, samples.from.data(),
                           static_cast<const float*>(slices.front().parameters[0]), samples.to.data());
    });
  }

 private:
  void form_parameter_gradients(const BackwardArgs& args) const {
    const float* dy = static_cast<const float*>(args.grad_output);
    if (!defers_weight_gradient())
      loops_.weight_gradient(
          {args.samples, inputs_, inputs_, units_, static_cast<const float*>(args.input), dy},
          static_cast<float*>(args.grad_parameters[0]));
    if (use_bias_) loops_.column_sums(args.samples, units_, dy, static_cast<float*>(args.grad_parameters[1]));
  }

  /// Rows of a weight gradient are columns of the input: far apart in memory, where the processor does not
  /// foresee them.
  void fetch(const WeightGradientArgs::Slice& slice, std::int64_t first, std::int64_t count) const {
    constexpr std::int64_t kLine = kAlignment / sizeof(float);
    for (std::int64_t n = 0; n < slice.samples; ++n)
      for (std::int64_t k = 0; k < count; k += kLine)
        __builtin_prefetch(static_cast<const float*>(slice.input) + n * inputs_ + first + k);
  }

  std::int64_t inputs_;
  std::int64_t units_;
  bool use_bias_;
  const simd::Table& loops_;
};

}  // namespace

std::unique_ptr<Kernel> make_dense(const Op& op, const simd::Table& loops) {
  return std::make_unique<Dense>(op, loops);
}

}  // namespace convoy::native
