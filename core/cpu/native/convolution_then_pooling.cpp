#include "core/cpu/native/convolution_then_pooling.h"

#include "core/arena.h"
#include "core/cpu/native/kernels.h"

namespace convoy::native {

namespace {

class ConvolutionThenPooling : public Kernel {
 public:
  ConvolutionThenPooling(std::unique_ptr<Kernel> convolution, const Op& pool, const simd::Table& loops)
      : convolution_(std::move(convolution)), pool_(make_pool2d(pool, loops)), op_(pool), loops_(loops) {}

  void plan(std::int64_t samples) override { convolution_->plan(samples); }
  void prepare(const void* const* parameters, bool training) override {
    convolution_->prepare(parameters, training);
  }

  std::size_t saved_bytes(std::int64_t samples) const override { return pool_->saved_bytes(samples); }
  std::size_t workspace_bytes(std::int64_t samples) const override {
    return between_bytes(samples) + convolution_->workspace_bytes(samples);
  }
  std::size_t packed_bytes() const override { return convolution_->packed_bytes(); }

  void forward(const ForwardArgs& args) const override {
    ForwardArgs convolution = args;
    convolution.output = args.workspace;
    convolution.workspace = behind_between(args);
    convolution_->forward(convolution);
    ForwardArgs pool = args;
    pool.input = args.workspace;
    pool_->forward(pool);
    auto* y = static_cast<float*>(args.output);
    loops_.activation_forward(simd::Curve::relu, 0, pooled(args), y, y);
  }

  void backward(const BackwardArgs& args) const override {
    auto* dy = static_cast<float*>(args.grad_output);
    loops_.activation_backward(simd::Curve::relu, 0, pooled(args), nullptr,
                               static_cast<const float*>(args.output), dy, dy);
    BackwardArgs pool = args;
    pool.grad_input = args.workspace;
    pool_->backward(pool);
    BackwardArgs convolution = args;
    convolution.output = nullptr;
    convolution.grad_output = args.workspace;
    convolution.workspace = behind_between(args);
    convolution_->backward(convolution);
  }

 private:
  /// Of the tensor between convolution and pooling, at the workspace's beginning.
  std::size_t between_bytes(std::int64_t samples) const {
    return align_up(static_cast<std::size_t>(samples * op_.input.elements()) * sizeof(float));
  }
  void* behind_between(const SliceArgs& args) const {
    return static_cast<std::byte*>(args.workspace) + between_bytes(args.samples);
  }
  std::size_t pooled(const SliceArgs& args) const {
    return static_cast<std::size_t>(args.samples * op_.output.elements());
  }

  std::unique_ptr<Kernel> convolution_;
  std::unique_ptr<Kernel> pool_;
  Op op_;  ///< the pooling
  const simd::Table& loops_;
};

}  // namespace

bool is_convolution_then_pooling(std::span<const Op> ops) {
  if (ops.size() < 3 || !std::holds_alternative<Conv2dOp>(ops[0].kind)) return false;
  const auto* pool = std::get_if<Pool2dOp>(&ops[2].kind);
  return is_relu(ops[1]) && pool && pool->kind == Pool2dOp::Kind::max && can_pool(*pool);
}

std::unique_ptr<Kernel> make_convolution_then_pooling(std::unique_ptr<Kernel> convolution,
                                                      std::span<const Op> block, const simd::Table& loops) {
  return std::make_unique<ConvolutionThenPooling>(std::move(convolution), block[2], loops);
}

}  // namespace convoy::native
