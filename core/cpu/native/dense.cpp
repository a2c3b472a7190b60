#include "core/cpu/native/kernels.h"

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

  void forward(const ForwardArgs& args) const override {
    const float* bias = use_bias_ ? static_cast<const float*>(args.parameters[1]) : nullptr;
    loops_.matrix_product(args.samples, inputs_, units_, static_cast<const float*>(args.input),
                          static_cast<const float*>(args.parameters[0]), bias,
                          static_cast<float*>(args.output));
  }

  bool defers_weight_gradient() const override { return inputs_ * units_ >= kDeferred; }

  void weight_gradient(const WeightGradientArgs& args) const override {
    loops_.weight_gradient(args.samples, inputs_, args.last_row - args.first_row, units_,
                           static_cast<const float*>(args.input) + args.first_row,
                           static_cast<const float*>(args.grad_output), static_cast<float*>(args.gradient));
  }

  void backward(const BackwardArgs& args) const override {
    const float* dy = static_cast<const float*>(args.grad_output);
    if (!defers_weight_gradient())
      weight_gradient({args.samples, args.input, dy, 0, inputs_, args.grad_parameters[0]});
    if (use_bias_) loops_.column_sums(args.samples, units_, dy, static_cast<float*>(args.grad_parameters[1]));
    if (!args.grad_input) return;
    loops_.data_gradient(args.samples, inputs_, units_, dy, static_cast<const float*>(args.parameters[0]),
                         static_cast<float*>(args.grad_input));
  }

 private:
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
