#include "core/arena.h"
#include "core/cpu/native/kernels.h"

namespace convoy::native {

namespace {

class Dense : public Kernel {
 public:
  Dense(const Op& op, const simd::Table& loops)
      : inputs_(op.input.elements()),
        units_(op.output.elements()),
        use_bias_(std::get<DenseOp>(op.kind).use_bias),
        loops_(loops),
        transposed_(static_cast<std::size_t>(inputs_ * units_) * sizeof(float)) {}

  void prepare(const void* const* parameters, bool training) override {
    if (training)
      loops_.transpose(inputs_, units_, static_cast<const float*>(parameters[0]),
                       transposed_.as<float>().data());
  }

  void forward(const ForwardArgs& args) const override {
    const float* bias = use_bias_ ? static_cast<const float*>(args.parameters[1]) : nullptr;
    loops_.matrix_product(args.samples, inputs_, units_, static_cast<const float*>(args.input),
                          static_cast<const float*>(args.parameters[0]), bias,
                          static_cast<float*>(args.output));
  }

  void backward(const BackwardArgs& args) const override {
    const float* dy = static_cast<const float*>(args.grad_output);
    loops_.transposed_product(args.samples, inputs_, units_, static_cast<const float*>(args.input), dy,
                              static_cast<float*>(args.grad_parameters[0]));
    if (use_bias_) loops_.column_sums(args.samples, units_, dy, static_cast<float*>(args.grad_parameters[1]));
    if (!args.grad_input) return;
    loops_.matrix_product(args.samples, units_, inputs_, dy, transposed_.as<float>().data(), nullptr,
                          static_cast<float*>(args.grad_input));
  }

 private:
  std::int64_t inputs_;
  std::int64_t units_;
  bool use_bias_;
  const simd::Table& loops_;
  Arena transposed_;  ///< the kernel as [units, inputs], for the gradient of the input
};

}  // namespace

std::unique_ptr<Kernel> make_dense(const Op& op, const simd::Table& loops) {
  return std::make_unique<Dense>(op, loops);
}

}  // namespace convoy::native
