#include "core/cpu/native/kernels.h"

namespace convoy::native {

namespace {

class MaxPool2d : public Kernel {
 public:
  MaxPool2d(const Op& op, const simd::Table& loops) : op_(op), loops_(loops) {}

  std::size_t saved_bytes(std::int64_t samples) const override {
    return static_cast<std::size_t>(samples * op_.output.elements());
  }
  void forward(const ForwardArgs& args) const override {
    loops_.max_pool_forward(pool_args(args), static_cast<const float*>(args.input), static_cast<float*>(args.output),
                            static_cast<std::uint8_t*>(args.training ? args.saved : nullptr));
  }
  void backward(const BackwardArgs& args) const override {
    if (!args.grad_input) return;
    loops_.max_pool_backward(pool_args(args), static_cast<const float*>(args.grad_output),
                             static_cast<const std::uint8_t*>(args.saved), static_cast<float*>(args.grad_input));
  }

 private:
  simd::PoolArgs pool_args(const SliceArgs& args) const {
    const Window2d& w = std::get<Pool2dOp>(op_.kind).window;
    return {.samples = args.samples,
            .height = op_.input[0],
            .width = op_.input[1],
            .channels = op_.input[2],
            .out_height = op_.output[0],
            .out_width = op_.output[1],
            .window_height = w.height,
            .window_width = w.width,
            .stride_y = w.stride_y,
            .stride_x = w.stride_x,
            .pad_top = w.pad_top,
            .pad_left = w.pad_left};
  }

  Op op_;
  const simd::Table& loops_;
};

}  // namespace

std::unique_ptr<Kernel> make_max_pool2d(const Op& op, const simd::Table& loops) {
  return std::make_unique<MaxPool2d>(op, loops);
}

}  // namespace convoy::native
