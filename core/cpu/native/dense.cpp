#include "core/cpu/native/kernels.h"

namespace convoy::native {

namespace {

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

  void backward(const BackwardArgs& args) const override {
    const float* dy = static_cast<const float*>(args.grad_output);
    loops_.weight_gradient(args.samples, inputs_, units_, static_cast<const float*>(args.input), dy,
                           static_cast<float*>(args.grad_parameters[0]));
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
