#include "core/cpu/native/pooled_convolution.h"

#include <algorithm>

#include "core/arena.h"
#include "core/cpu/native/convolution_then_pooling.h"

namespace convoy::native {

namespace {

simd::PooledConvolutionArgs args_of(std::span<const Op> block) {
  const Window2d& window = std::get<Conv2dOp>(block[0].kind).window;
  return {.height = block[0].input[0],
          .width = block[0].input[1],
          .pad_top = window.pad_top,
          .pad_left = window.pad_left,
          .pooled_height = block[2].output[0],
          .pooled_width = block[2].output[1],
          .channels = block[0].input[2],
          .filters = block[0].output[2]};
}

std::size_t bytes_of(std::int64_t floats) {
  return align_up(static_cast<std::size_t>(floats) * sizeof(float));
}

class PooledConvolution : public Kernel {
 public:
  PooledConvolution(std::span<const Op> block, const simd::Table& loops)
      : loops_(loops.pooled_convolution),
        args_(args_of(block)),
        use_bias_(std::get<Conv2dOp>(block[0].kind).use_bias),
        forward_weights_(bytes_of(loops_.sizes(args_, 1).forward_weights)),
        backward_weights_(bytes_of(loops_.sizes(args_, 1).backward_weights)) {}

  void prepare(const void* const* parameters, bool training) override {
    loops_.pack(args_, static_cast<const float*>(parameters[0]), forward_weights_.as<float>().data(),
                training ? backward_weights_.as<float>().data() : nullptr);
  }

  std::size_t saved_bytes(std::int64_t samples) const override {
    return static_cast<std::size_t>(samples * args_.pooled_height * args_.pooled_width * args_.filters);
  }
  std::size_t workspace_bytes(std::int64_t samples) const override {
    const simd::PooledConvolutionSizes sizes = loops_.sizes(args_, samples);
    return bytes_of(std::max(sizes.forward_workspace, sizes.backward_workspace));
  }
  std::size_t packed_bytes() const override { return forward_weights_.size() + backward_weights_.size(); }

  void forward(const ForwardArgs& args) const override {
    loops_.forward(args_, args.samples, static_cast<const float*>(args.input),
                   forward_weights_.as<float>().data(),
                   use_bias_ ? static_cast<const float*>(args.parameters[1]) : nullptr,
                   static_cast<float*>(args.workspace), static_cast<float*>(args.output),
                   args.training ? static_cast<std::uint8_t*>(args.saved) : nullptr);
  }

  void backward(const BackwardArgs& args) const override {
    const simd::PooledConvolutionGradients gradients{
        .samples = args.samples,
        .x = static_cast<const float*>(args.input),
        .position = static_cast<const std::uint8_t*>(args.saved),
        .dy = static_cast<const float*>(args.grad_output),
        .dkernel = static_cast<float*>(args.grad_parameters[0]),
        .dbias = use_bias_ ? static_cast<float*>(args.grad_parameters[1]) : nullptr,
        .dx = static_cast<float*>(args.grad_input)};
    loops_.backward(args_, gradients, backward_weights_.as<float>().data(),
                    static_cast<float*>(args.workspace));
  }

 private:
  const simd::PooledConvolution& loops_;
  simd::PooledConvolutionArgs args_;
  bool use_bias_;
  Arena forward_weights_, backward_weights_;
};

}  // namespace

bool is_pooled_convolution(std::span<const Op> ops, const simd::Table& loops) {
  if (!is_convolution_then_pooling(ops)) return false;
  const auto& conv = std::get<Conv2dOp>(ops[0].kind);
  const Window2d &w = conv.window, &pool = std::get<Pool2dOp>(ops[2].kind).window;
  const bool three = w.height == 3 && w.width == 3 && w.stride_y == 1 && w.stride_x == 1 &&
                     w.dilation_y == 1 && w.dilation_x == 1 && conv.groups == 1;
  const bool two = pool.height == 2 && pool.width == 2 && pool.stride_y == 2 && pool.stride_x == 2 &&
                   pool.pad_top == 0 && pool.pad_left == 0 && pool.pad_bottom == 0 && pool.pad_right == 0;
  return three && two && loops.pooled_convolution.can(args_of(ops));
}

std::unique_ptr<Kernel> make_pooled_convolution(std::span<const Op> block, const simd::Table& loops) {
  return std::make_unique<PooledConvolution>(block, loops);
}

}  // namespace convoy::native
