#include "core/cpu/native/kernels.h"

namespace convoy::native {

namespace {

class Relu : public Kernel {
 public:
  Relu(const Op& op, const simd::Table& loops) : size_(op.input.elements()), loops_(loops) {}

  void forward(const ForwardArgs& args) const override {
    loops_.relu_forward(static_cast<float*>(args.output), static_cast<const float*>(args.input), count(args));
  }
  void backward(const BackwardArgs& args) const override {
    if (!args.grad_input) return;
    loops_.relu_backward(static_cast<float*>(args.grad_input), static_cast<const float*>(args.output),
                         static_cast<const float*>(args.grad_output), count(args));
  }

 private:
  std::size_t count(const SliceArgs& args) const { return static_cast<std::size_t>(args.samples * size_); }

  std::int64_t size_;
  const simd::Table& loops_;
};

}  // namespace

std::unique_ptr<Kernel> make_relu(const Op& op, const simd::Table& loops) { return std::make_unique<Relu>(op, loops); }

}  // namespace convoy::native
