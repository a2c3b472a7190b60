#include "core/cpu/native/kernels.h"

namespace convoy::native {

namespace {

simd::PoolArgs pool_args(const Op& op, std::int64_t samples) {
  const Window2d& w = std::get<Pool2dOp>(op.kind).window;
  return {.samples = samples,
          .height = op.input[0],
          .width = op.input[1],
          .channels = op.input[2],
          .out_height = op.output[0],
          .out_width = op.output[1],
          .window_height = w.height,
          .window_width = w.width,
          .stride_y = w.stride_y,
          .stride_x = w.stride_x,
          .pad_top = w.pad_top,
          .pad_left = w.pad_left};
}

/// Saves which pixel of its window each output came from.
class MaxPool2d : public Kernel {
 public:
  MaxPool2d(const Op& op, const simd::Table& loops) : op_(op), loops_(loops) {}

  std::size_t saved_bytes(std::int64_t samples) const override {
    return static_cast<std::size_t>(samples * op_.output.elements());
  }
  void forward(const ForwardArgs& args) const override {
    loops_.max_pool_forward(pool_args(op_, args.samples), static_cast<const float*>(args.input),
                            static_cast<float*>(args.output),
                            static_cast<std::uint8_t*>(args.training ? args.saved : nullptr));
  }
  void backward(const BackwardArgs& args) const override {
    if (!args.grad_input) return;
    loops_.max_pool_backward(pool_args(op_, args.samples), static_cast<const float*>(args.grad_output),
                             static_cast<const std::uint8_t*>(args.saved),
                             static_cast<float*>(args.grad_input));
  }

 private:
  Op op_;
  const simd::Table& loops_;
};

class AveragePool2d : public Kernel {
 public:
  AveragePool2d(const Op& op, const simd::Table& loops) : op_(op), loops_(loops) {}

  void forward(const ForwardArgs& args) const override {
    loops_.average_pool_forward(pool_args(op_, args.samples), static_cast<const float*>(args.input),
                                static_cast<float*>(args.output));
  }
  void backward(const BackwardArgs& args) const override {
    if (!args.grad_input) return;
    loops_.average_pool_backward(pool_args(op_, args.samples), static_cast<const float*>(args.grad_output),
                                 static_cast<float*>(args.grad_input));
  }

 private:
  Op op_;
  const simd::Table& loops_;
};

class GlobalAveragePool2d : public Kernel {
 public:
  GlobalAveragePool2d(const Op& op, const simd::Table& loops)
      : channels_(op.input[2]), pixels_(op.input[0] * op.input[1]), loops_(loops) {}

  std::size_t workspace_bytes(std::int64_t) const override {
    return static_cast<std::size_t>(channels_) * sizeof(double);
  }
  void forward(const ForwardArgs& args) const override {
    const auto* x = static_cast<const float*>(args.input);
    auto* y = static_cast<float*>(args.output);
    auto* means = static_cast<double*>(args.workspace);
    for (std::int64_t n = 0; n < args.samples; ++n, x += pixels_ * channels_, y += channels_) {
      loops_.channel_moments(pixels_, channels_, x, means, nullptr);
      for (std::int64_t c = 0; c < channels_; ++c) y[c] = static_cast<float>(means[c]);
    }
  }
  void backward(const BackwardArgs& args) const override {
    if (!args.grad_input) return;
    const auto* dy = static_cast<const float*>(args.grad_output);
    auto* dx = static_cast<float*>(args.grad_input);
    const float share = 1.0F / static_cast<float>(pixels_);
    for (std::int64_t n = 0; n < args.samples; ++n, dy += channels_)
      for (std::int64_t p = 0; p < pixels_; ++p, dx += channels_)
        for (std::int64_t c = 0; c < channels_; ++c) dx[c] = dy[c] * share;
  }

 private:
  std::int64_t channels_;
  std::int64_t pixels_;
  const simd::Table& loops_;
};

}  // namespace

bool can_pool(const Pool2dOp& pool) {
  const Window2d& w = pool.window;
  return w.height * w.width <= 256 && w.dilation_y == 1 && w.dilation_x == 1;
}

std::unique_ptr<Kernel> make_pool2d(const Op& op, const simd::Table& loops) {
  if (std::get<Pool2dOp>(op.kind).kind == Pool2dOp::Kind::max) return std::make_unique<MaxPool2d>(op, loops);
  return std::make_unique<AveragePool2d>(op, loops);
}

std::unique_ptr<Kernel> make_global_average_pool2d(const Op& op, const simd::Table& loops) {
  return std::make_unique<GlobalAveragePool2d>(op, loops);
}

}  // namespace convoy::native
