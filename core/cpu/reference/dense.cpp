#include "core/cpu/reference/kernels.h"

namespace convoy::reference {

namespace {

template <class T>
class Dense : public Kernel {
 public:
  explicit Dense(const Op& op)
      : inputs_(op.input.elements()),
        units_(op.output.elements()),
        use_bias_(std::get<DenseOp>(op.kind).use_bias) {}

  void forward(const ForwardArgs& args) const override {
    const T* kernel = parameter_of<T>(args, 0);
    for (std::int64_t n = 0; n < args.samples; ++n)
      for (std::int64_t u = 0; u < units_; ++u) {
        double sum = use_bias_ ? double{parameter_of<T>(args, 1)[u]} : 0.0;
        for (std::int64_t i = 0; i < inputs_; ++i)
          sum += double{input_of<T>(args)[n * inputs_ + i]} * double{kernel[i * units_ + u]};
        output_of<T>(args)[n * units_ + u] = static_cast<T>(sum);
      }
  }

  void backward(const BackwardArgs& args) const override {
    const T* kernel = parameter_of<T>(args, 0);
    const T* x = input_of<T>(args);
    const T* dy = grad_output_of<T>(args);
    for (std::int64_t i = 0; i < inputs_; ++i)
      for (std::int64_t u = 0; u < units_; ++u) {
        double sum = 0;
        for (std::int64_t n = 0; n < args.samples; ++n)
          sum += double{x[n * inputs_ + i]} * double{dy[n * units_ + u]};
        grad_parameter_of<T>(args, 0)[i * units_ + u] = static_cast<T>(sum);
      }
    for (std::int64_t u = 0; use_bias_ && u < units_; ++u) {
      double sum = 0;
      for (std::int64_t n = 0; n < args.samples; ++n) sum += double{dy[n * units_ + u]};
      grad_parameter_of<T>(args, 1)[u] = static_cast<T>(sum);
    }
    if (!args.grad_input) return;
    for (std::int64_t n = 0; n < args.samples; ++n)
      for (std::int64_t i = 0; i < inputs_; ++i) {
        double sum = 0;
        for (std::int64_t u = 0; u < units_; ++u)
          sum += double{dy[n * units_ + u]} * double{kernel[i * units_ + u]};
        grad_input_of<T>(args)[n * inputs_ + i] = static_cast<T>(sum);
      }
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

}  // namespace convoy::reference
