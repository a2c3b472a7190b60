#include <algorithm>

#include "core/cpu/openblas/gemm.h"
#include "core/cpu/openblas/kernels.h"

namespace convoy::openblas {

namespace {

template <class T>
class Dense : public Kernel {
 public:
  explicit Dense(const Op& op)
      : inputs_(op.input.elements()),
        units_(op.output.elements()),
        use_bias_(std::get<DenseOp>(op.kind).use_bias) {}

  std::size_t workspace_bytes(std::int64_t) const override {
    return static_cast<std::size_t>(units_) * sizeof(double);
  }

  void forward(const ForwardArgs& args) const override {
    T* y = static_cast<T*>(args.output);
    const T* bias = use_bias_ ? static_cast<const T*>(args.parameters[1]) : nullptr;
    for (std::int64_t n = 0; bias && n < args.samples; ++n) std::copy_n(bias, units_, y + n * units_);
    gemm<T>(args.samples, inputs_, units_, {static_cast<const T*>(args.input), inputs_},
            {static_cast<const T*>(args.parameters[0]), units_}, bias ? T{1} : T{0}, {y, units_});
  }

  void backward(const BackwardArgs& args) const override {
    const T* x = static_cast<const T*>(args.input);
    const T* dy = static_cast<const T*>(args.grad_output);
    gemm<T>(inputs_, args.samples, units_, {x, inputs_, true}, {dy, units_}, T{0},
            {static_cast<T*>(args.grad_parameters[0]), units_});
    if (use_bias_)
      column_sums(args.samples, units_, dy, static_cast<double*>(args.workspace),
                  static_cast<T*>(args.grad_parameters[1]));
    if (!args.grad_input) return;
    gemm<T>(args.samples, units_, inputs_, {dy, units_},
            {static_cast<const T*>(args.parameters[0]), units_, true}, T{0},
            {static_cast<T*>(args.grad_input), inputs_});
  }

 private:
  std::int64_t inputs_;
  std::int64_t units_;
  bool use_bias_;
};

}  // namespace

template <class T>
std::unique_ptr<Kernel> make_dense(const Op& op) {
  return std::make_unique<Dense<T>>(op);
}
template std::unique_ptr<Kernel> make_dense<float>(const Op&);
template std::unique_ptr<Kernel> make_dense<double>(const Op&);

}  // namespace convoy::openblas
