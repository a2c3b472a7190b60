#include "core/cpu/native/kernels.h"

namespace convoy::native {

namespace {

class DepthwiseConv2d : public Kernel {
 public:
  DepthwiseConv2d(const Op& op, const simd::Table& loops)
      : op_(op), use_bias_(std::get<Conv2dOp>(op.kind).use_bias), loops_(loops) {}

  std::size_t workspace_bytes(std::int64_t) const override {
    return static_cast<std::size_t>(op_.output[2]) * sizeof(double);
  }

  void forward(const ForwardArgs& args) const override {
    loops_.depthwise_forward(depthwise_args(args), static_cast<const float*>(args.input),
                             static_cast<const float*>(args.parameters[0]),
                             use_bias_ ? static_cast<const float*>(args.parameters[1]) : nullptr,
                             static_cast<float*>(args.output));
  }

  void backward(const BackwardArgs& args) const override {
    const auto* dy = static_cast<const float*>(args.grad_output);
    loops_.depthwise_weight_gradient(depthwise_args(args), static_cast<const float*>(args.input), dy,
                                     static_cast<float*>(args.grad_parameters[0]));
    if (use_bias_) bias_gradient(args, dy);
    if (args.grad_input)
      loops_.depthwise_data_gradient(depthwise_args(args), dy, static_cast<const float*>(args.parameters[0]),
                                     static_cast<float*>(args.grad_input));
  }

 private:
  void bias_gradient(const BackwardArgs& args, const float* dy) const {
    const std::int64_t rows = args.samples * op_.output[0] * op_.output[1];
    auto* means = static_cast<double*>(args.workspace);
    auto* dbias = static_cast<float*>(args.grad_parameters[1]);
    loops_.channel_moments(rows, op_.output[2], dy, means, nullptr);
    for (std::int64_t c = 0; c < op_.output[2]; ++c)
      dbias[c] = static_cast<float>(means[c] * static_cast<double>(rows));
  }

  simd::DepthwiseArgs depthwise_args(const SliceArgs& args) const {
    const Window2d& w = std::get<Conv2dOp>(op_.kind).window;
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
            .dilation_y = w.dilation_y,
            .dilation_x = w.dilation_x,
            .pad_top = w.pad_top,
            .pad_left = w.pad_left};
  }

  Op op_;
  bool use_bias_;
  const simd::Table& loops_;
};

}  // namespace

std::unique_ptr<Kernel> make_depthwise_conv2d(const Op& op, const simd::Table& loops) {
  return std::make_unique<DepthwiseConv2d>(op, loops);
}

}  // namespace convoy::native
