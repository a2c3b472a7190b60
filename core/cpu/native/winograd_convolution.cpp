#include "core/cpu/native/winograd_convolution.h"

#include <algorithm>

#include "core/arena.h"
#include "core/cpu/native/pooled_convolution.h"

namespace convoy::native {

namespace {

simd::PooledConvolutionArgs args_of(std::span<const Op> block) {
  return {.pooled_height = block[2].output[0],
          .pooled_width = block[2].output[1],
          .channels = block[0].input[2],
          .filters = block[0].output[2]};
}

std::size_t bytes_of(std::int64_t floats) {
  return align_up(static_cast<std::size_t>(floats) * sizeof(float));
}

class WinogradConvolution : public Kernel {
 public:
  WinogradConvolution(std::span<const Op> block, const simd::Table& loops)
      : loops_(loops.pooled_convolution),
        args_(args_of(block)),
        sizes_(loops_.sizes(args_)),
        height_(block[0].input[0]),
        width_(block[0].input[1]),
        use_bias_(std::get<Conv2dOp>(block[0].kind).use_bias),
        top_(std::get<Conv2dOp>(block[0].kind).window.pad_top),
        left_(std::get<Conv2dOp>(block[0].kind).window.pad_left),
        forward_weights_(bytes_of(sizes_.forward_weights)),
        backward_weights_(bytes_of(sizes_.backward_weights)) {}

  void prepare(const void* const* parameters, bool training) override {
    loops_.pack(args_, static_cast<const float*>(parameters[0]), forward_weights_.as<float>().data(),
                training ? backward_weights_.as<float>().data() : nullptr);
  }

  std::size_t saved_bytes(std::int64_t samples) const override {
    return static_cast<std::size_t>(samples * pooled_elements());
  }
  std::size_t workspace_bytes(std::int64_t) const override {
    return 2 * bytes_of(sizes_.image) + bytes_of(sizes_.workspace) + bytes_of(sizes_.gradient);
  }

  void forward(const ForwardArgs& args) const override {
    const Workspace workspace = cut(args);
    std::fill_n(workspace.image, sizes_.image, 0.0F);  // the border, that is; pad() fills the rest
    for (std::int64_t n = 0; n < args.samples; ++n) {
      pad(args, n, workspace.image);
      loops_.forward(
          args_, workspace.image, forward_weights_.as<float>().data(),
          use_bias_ ? static_cast<const float*>(args.parameters[1]) : nullptr, workspace.loops,
          static_cast<float*>(args.output) + n * pooled_elements(),
          args.training ? static_cast<std::uint8_t*>(args.saved) + n * pooled_elements() : nullptr);
    }
  }

  void backward(const BackwardArgs& args) const override {
    const Workspace workspace = cut(args);
    std::fill_n(workspace.image, sizes_.image, 0.0F);  // the border, that is; pad() fills the rest
    simd::PooledConvolutionGradients gradients{};
    gradients.gradient = workspace.gradient;
    gradients.dbias = use_bias_ ? static_cast<float*>(args.grad_parameters[1]) : nullptr;
    gradients.dimage = args.grad_input ? workspace.dimage : nullptr;
    for (std::int64_t n = 0; n < args.samples; ++n) {
      pad(args, n, workspace.image);
      gradients.dy = static_cast<const float*>(args.grad_output) + n * pooled_elements();
      gradients.y = static_cast<const float*>(args.output) + n * pooled_elements();
      gradients.position = static_cast<const std::uint8_t*>(args.saved) + n * pooled_elements();
      loops_.backward(args_, gradients, workspace.image, backward_weights_.as<float>().data(), n == 0,
                      workspace.loops);
      if (args.grad_input) crop(workspace.dimage, n, static_cast<float*>(args.grad_input));
    }
    loops_.finish(args_, workspace.gradient, static_cast<float*>(args.grad_parameters[0]));
  }

 private:
  struct Workspace {
    float *image, *dimage, *loops, *gradient;
  };

  Workspace cut(const SliceArgs& args) const {
    auto* at = static_cast<std::byte*>(args.workspace);
    const auto take = [&at](std::int64_t floats) {
      auto* part = reinterpret_cast<float*>(at);
      at += bytes_of(floats);
      return part;
    };
    return {take(sizes_.image), take(sizes_.image), take(sizes_.workspace), take(sizes_.gradient)};
  }

  std::int64_t pooled_elements() const { return args_.pooled_height * args_.pooled_width * args_.filters; }
  std::int64_t image_height() const { return 2 * args_.pooled_height + 2; }
  std::int64_t image_width() const { return 2 * args_.pooled_width + 2; }
  /// Rows and columns of the input that lie in the image.
  std::int64_t rows() const { return std::min(height_, image_height() - top_); }
  std::int64_t row_floats() const { return std::min(width_, image_width() - left_) * args_.channels; }

  void pad(const SliceArgs& args, std::int64_t sample, float* image) const {
    const float* from = static_cast<const float*>(args.input) + sample * height_ * width_ * args_.channels;
    for (std::int64_t i = 0; i < rows(); ++i)
      std::copy_n(from + i * width_ * args_.channels, row_floats(),
                  image + ((i + top_) * image_width() + left_) * args_.channels);
  }

  void crop(const float* image, std::int64_t sample, float* to) const {
    to += sample * height_ * width_ * args_.channels;
    // Rows and columns that no window reaches have no gradient.
    if (rows() < height_ || row_floats() < width_ * args_.channels)
      std::fill_n(to, height_ * width_ * args_.channels, 0.0F);
    for (std::int64_t i = 0; i < rows(); ++i)
      std::copy_n(image + ((i + top_) * image_width() + left_) * args_.channels, row_floats(),
                  to + i * width_ * args_.channels);
  }

  const simd::PooledConvolution& loops_;
  simd::PooledConvolutionArgs args_;
  simd::PooledConvolutionSizes sizes_;
  std::int64_t height_, width_;
  bool use_bias_;
  std::int64_t top_, left_;
  Arena forward_weights_, backward_weights_;
};

}  // namespace

bool is_winograd_convolution(std::span<const Op> ops, const simd::Table& loops) {
  if (!is_pooled_convolution(ops)) return false;
  const auto& conv = std::get<Conv2dOp>(ops[0].kind);
  const Window2d &w = conv.window, &pool = std::get<Pool2dOp>(ops[2].kind).window;
  const bool three = w.height == 3 && w.width == 3 && w.stride_y == 1 && w.stride_x == 1 &&
                     w.dilation_y == 1 && w.dilation_x == 1 && conv.groups == 1;
  const bool two = pool.height == 2 && pool.width == 2 && pool.stride_y == 2 && pool.stride_x == 2 &&
                   pool.pad_top == 0 && pool.pad_left == 0 && pool.pad_bottom == 0 && pool.pad_right == 0;
  return three && two && loops.pooled_convolution.can(args_of(ops));
}

std::unique_ptr<Kernel> make_winograd_convolution(std::span<const Op> block, const simd::Table& loops) {
  return std::make_unique<WinogradConvolution>(block, loops);
}

}  // namespace convoy::native
