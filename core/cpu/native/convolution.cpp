#include "core/cpu/native/convolution.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "core/arena.h"
#include "core/cpu/native/samples.h"

namespace convoy::native {

namespace {

/// Elements of weights that no longer stay in the second-level cache, and whose gradient would not either.
constexpr std::int64_t kLarge = 128 * 1024;

simd::ConvolutionArgs args_of(const Op& op) {
  const Window2d& window = std::get<Conv2dOp>(op.kind).window;
  return {.height = op.input[0],
          .width = op.input[1],
          .channels = op.input[2],
          .out_height = op.output[0],
          .out_width = op.output[1],
          .filters = op.output[2],
          .window_height = window.height,
          .window_width = window.width,
          .stride_y = window.stride_y,
          .stride_x = window.stride_x,
          .dilation_y = window.dilation_y,
          .dilation_x = window.dilation_x,
          .pad_top = window.pad_top,
          .pad_left = window.pad_left};
}

/// For each tap, the pixels of a slice that it brings together.
std::vector<std::vector<simd::PixelPair>> find_pairs(const simd::ConvolutionArgs& a, std::int64_t samples) {
  std::vector<std::vector<simd::PixelPair>> taps;
  for (std::int64_t u = 0; u < a.window_height; ++u)
    for (std::int64_t v = 0; v < a.window_width; ++v) {
      auto& pairs = taps.emplace_back();
      for (std::int64_t n = 0; n < samples; ++n)
        for (std::int64_t i = 0; i < a.out_height; ++i)
          for (std::int64_t j = 0; j < a.out_width; ++j) {
            const std::int64_t y = i * a.stride_y + u * a.dilation_y - a.pad_top;
            const std::int64_t x = j * a.stride_x + v * a.dilation_x - a.pad_left;
            if (y < 0 || y >= a.height || x < 0 || x >= a.width) continue;
            pairs.push_back(
                {static_cast<std::int32_t>(((n * a.height + y) * a.width + x) * a.channels),
                 static_cast<std::int32_t>(((n * a.out_height + i) * a.out_width + j) * a.filters)});
          }
    }
  return taps;
}

/// The convolution that takes dy to dx, of one with stride 1.
simd::ConvolutionArgs mirror_of(const simd::ConvolutionArgs& a) {
  simd::ConvolutionArgs mirror = a;
  std::swap(mirror.height, mirror.out_height);
  std::swap(mirror.width, mirror.out_width);
  std::swap(mirror.channels, mirror.filters);
  mirror.pad_top = a.window_height - 1 - a.pad_top;
  mirror.pad_left = a.window_width - 1 - a.pad_left;
  return mirror;
}

/// How many of an axis' outputs a tap of three finds a pixel for, all taps together.
std::int64_t partners(std::int64_t size, std::int64_t outputs, std::int64_t pad) {
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < outputs; ++i)
    for (std::int64_t tap = 0; tap < 3; ++tap) count += i + tap >= pad && i + tap - pad < size;
  return count;
}

/// Whether Winograd's products are less than half of those that the plain sum has without its padding.
bool profits_from_winograd(const simd::Table& loops, const simd::ConvolutionArgs& a) {
  if (!loops.winograd_convolution.can(a)) return false;
  const std::int64_t tiles = (a.out_height + 3) / 4 * ((a.out_width + 3) / 4);
  return 2 * 36 * tiles <=
         partners(a.height, a.out_height, a.pad_top) * partners(a.width, a.out_width, a.pad_left);
}

/// Winograd's way through a convolution: forward, or back through its mirror.
class Winograd {
 public:
  Winograd(const simd::ConvolutionArgs& args, bool mirrored, const simd::Table& loops)
      : loops_(loops.winograd_convolution),
        args_(args),
        mirrored_(mirrored),
        weights_(static_cast<std::size_t>(loops_.weights(args)) * sizeof(float)) {}

  void pack(const float* kernel) {
    (mirrored_ ? loops_.pack_mirrored : loops_.pack)(args_, kernel, weights_.as<float>().data());
  }
  std::size_t workspace_bytes() const {
    return static_cast<std::size_t>(loops_.workspace(args_)) * sizeof(float);
  }
  std::size_t packed_bytes() const { return weights_.size(); }
  void run(const Samples& samples, const float* bias, bool relu, void* workspace) const {
    loops_.forward(args_, samples.size(), samples.from.data(), weights_.as<float>().data(), bias, relu,
                   static_cast<float*>(workspace), samples.to.data());
  }

 private:
  const simd::WinogradConvolution& loops_;
  simd::ConvolutionArgs args_;
  bool mirrored_;
  Arena weights_;
};

class Convolution : public Kernel {
 public:
  Convolution(std::span<const Op> block, const simd::Table& loops)
      : loops_(loops),
        args_(args_of(block.front())),
        use_bias_(std::get<Conv2dOp>(block.front().kind).use_bias),
        relu_(block.size() == 2) {
    if (profits_from_winograd(loops, args_)) forward_.emplace(args_, false, loops);
    if (profits_from_winograd(loops, mirror_of(args_))) backward_.emplace(mirror_of(args_), true, loops);
  }

  void plan(std::int64_t samples) override { pairs_.try_emplace(samples, find_pairs(args_, samples)); }

  void prepare(const void* const* parameters, bool training) override {
    const auto* kernel = static_cast<const float*>(parameters[0]);
    if (forward_) forward_->pack(kernel);
    if (training && backward_) backward_->pack(kernel);
  }
  std::size_t workspace_bytes(std::int64_t) const override {
    const auto weights = static_cast<std::size_t>(loops_.winograd_convolution.weight_workspace());
    return std::max(forward_ ? std::max(forward_->workspace_bytes(), weights * sizeof(float)) : 0,
                    backward_ ? backward_->workspace_bytes() : 0);
  }

  std::size_t packed_bytes() const override {
    return (forward_ ? forward_->packed_bytes() : 0) + (backward_ ? backward_->packed_bytes() : 0);
  }

  std::int64_t samples_at_once() const override {
    return weights() < kLarge ? 0 : std::int64_t{Samples::kMost};
  }

  void forward(const ForwardArgs& args) const override { forward_all({&args, 1}); }
  void forward_all(std::span<const ForwardArgs> slices) const override {
    const void* const* parameters = slices.front().parameters;
    const auto* bias = use_bias_ ? static_cast<const float*>(parameters[1]) : nullptr;
    each_samples(slices, inputs(), outputs(), [&](const Samples& samples) {
      if (forward_)
        forward_->run(samples, bias, relu_, slices.front().workspace);
      else
        loops_.convolution.forward(args_, samples.size(), samples.from.data(),
                                   static_cast<const float*>(parameters[0]), bias, relu_, samples.to.data());
    });
  }

  void backward(const BackwardArgs& args) const override { backward_all({&args, 1}); }
  void backward_all(std::span<const BackwardArgs> slices) const override {
    for (const BackwardArgs& args : slices) form_parameter_gradients(args);
    if (!slices.front().grad_input) return;
    each_samples(slices, outputs(), inputs(), [&](const Samples& samples) {
      if (backward_)
        backward_->run(samples, nullptr, false, slices.front().workspace);
      else
        loops_.convolution.data_gradient(args_, samples.size(), samples.from.data(),
                                         static_cast<const float*>(slices.front().parameters[0]),
                                         samples.to.data());
    });
  }

  /// Where storing and adding a slice's weight gradient would take longer than reading its pictures again.
  bool defers_weight_gradient() const override {
    constexpr std::int64_t kUsualSamples = 8;
    return weights() >= kLarge && 2 * weights() >= kUsualSamples * (inputs() + outputs());
  }
  /// The sums and what they are formed from share the second-level cache.
  WeightGradientParts weight_gradient_parts() const override {
    if (forward_) return {taps(), loops_.winograd_convolution.part, loops_.winograd_convolution.part};
    constexpr std::int64_t kElements = 80 * 1024;
    const std::int64_t rows = kElements / (taps() * args_.filters) / 8 * 8;
    return {taps(), std::clamp<std::int64_t>(rows, 8, args_.channels), args_.filters};
  }
  bool sum_weight_gradients(const WeightGradientArgs& args) const override {
    const WeightGradientPart& part = args.part;
    const std::int64_t tap_step = part.rows() * part.columns();
    std::fill_n(args.sum, taps() * tap_step, std::int64_t{0});
    bool summed = true;
    for (const WeightGradientArgs::Slice& slice : args.slices) {
      if (forward_) {
        summed &= loops_.winograd_convolution.accumulate_weight_gradient(
            args_,
            winograd_part(slice.samples, slice.input, slice.grad_output, part, tap_step, part.columns()),
            args.limit, static_cast<float*>(args.workspace), args.sum);
        continue;
      }
      for (std::int64_t tap = 0; tap < taps(); ++tap)
        summed &= loops_.convolution.accumulate_weight_gradient(
            weight_args(slice.samples, tap, part, slice.input, slice.grad_output), args.limit,
            args.sum + tap * tap_step);
    }
    return summed;
  }

 private:
  std::int64_t inputs() const { return args_.height * args_.width * args_.channels; }
  std::int64_t outputs() const { return args_.out_height * args_.out_width * args_.filters; }
  std::int64_t taps() const { return args_.window_height * args_.window_width; }
  std::int64_t weights() const { return taps() * args_.channels * args_.filters; }

  simd::ConvolutionWeightArgs weight_args(std::int64_t samples, std::int64_t tap,
                                          const WeightGradientPart& part, const void* x,
                                          const void* dy) const {
    const auto& pairs = pairs_.at(samples)[static_cast<std::size_t>(tap)];
    return {.pairs = pairs.data(),
            .count = static_cast<std::int64_t>(pairs.size()),
            .rows = part.rows(),
            .filters = args_.filters,
            .x = static_cast<const float*>(x) + part.first_row,
            .dy = static_cast<const float*>(dy)};
  }

  static simd::WinogradWeightArgs winograd_part(std::int64_t samples, const void* x, const void* dy,
                                                const WeightGradientPart& part, std::int64_t tap_step,
                                                std::int64_t channel_step) {
    return {.samples = samples,
            .x = static_cast<const float*>(x) + part.first_row,
            .dy = static_cast<const float*>(dy) + part.first_column,
            .channels = part.rows(),
            .filters = part.columns(),
            .tap_step = tap_step,
            .channel_step = channel_step};
  }

  void form_parameter_gradients(const BackwardArgs& args) const {
    auto* dy = static_cast<float*>(args.grad_output);
    if (relu_)
      loops_.activation_backward(simd::Curve::relu, 0, static_cast<std::size_t>(args.samples * outputs()),
                                 nullptr, static_cast<const float*>(args.output), dy, dy);
    if (use_bias_)
      loops_.column_sums(args.samples * args_.out_height * args_.out_width, args_.filters, dy,
                         static_cast<float*>(args.grad_parameters[1]));
    if (defers_weight_gradient()) return;
    auto* gradient = static_cast<float*>(args.grad_parameters[0]);
    const std::int64_t tap_step = args_.channels * args_.filters;
    if (!forward_) {
      const WeightGradientPart whole{0, args_.channels, 0, args_.filters};
      for (std::int64_t tap = 0; tap < taps(); ++tap)
        loops_.convolution.weight_gradient(weight_args(args.samples, tap, whole, args.input, dy),
                                           gradient + tap * tap_step);
      return;
    }
    const std::int64_t size = loops_.winograd_convolution.part;
    for (std::int64_t c = 0; c < args_.channels; c += size)
      for (std::int64_t f = 0; f < args_.filters; f += size) {
        const WeightGradientPart part{c, std::min(c + size, args_.channels), f,
                                      std::min(f + size, args_.filters)};
        loops_.winograd_convolution.weight_gradient(
            args_, winograd_part(args.samples, args.input, dy, part, tap_step, args_.filters),
            static_cast<float*>(args.workspace), gradient + c * args_.filters + f);
      }
  }

  const simd::Table& loops_;
  simd::ConvolutionArgs args_;
  bool use_bias_;
  bool relu_;
  std::optional<Winograd> forward_, backward_;
  std::map<std::int64_t, std::vector<std::vector<simd::PixelPair>>> pairs_;  ///< by a slice's samples
};

}  // namespace

std::size_t convolution_ops(std::span<const Op> ops) {
  const auto* conv = std::get_if<Conv2dOp>(&ops.front().kind);
  if (!conv || conv->groups != 1) return 0;
  return ops.size() > 1 && is_relu(ops[1]) ? 2 : 1;
}

std::string convolution_name(const Op& conv, const simd::Table& loops) {
  return profits_from_winograd(loops, args_of(conv)) ? "Winograd convolution" : "direct convolution";
}

std::unique_ptr<Kernel> make_convolution(std::span<const Op> block, const simd::Table& loops) {
  return std::make_unique<Convolution>(block, loops);
}

}  // namespace convoy::native
