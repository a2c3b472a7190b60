#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/cpu/reference/kernels.h"
#include "core/math.h"
#include "core/random.h"

namespace convoy::reference {

namespace {

/// Value and slope of an element-wise activation at x, in double.
struct Point {
  double value;
  double slope;
};

Point gelu(double x, bool approximate) {
  if (approximate) {  // Hendrycks and Gimpel (2016), the tanh formula
    const double k = std::sqrt(2 / std::numbers::pi);
    const double t = math::tanh(k * (x + 0.044715 * x * x * x));
    return {0.5 * x * (1 + t), 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * k * (1 + 3 * 0.044715 * x * x)};
  }
  const double cdf = 0.5 * math::erfc(-x / std::numbers::sqrt2);
  const double pdf = math::exp(-0.5 * x * x) / std::sqrt(2 * std::numbers::pi);
  return {x * cdf, cdf + x * pdf};
}

Point evaluate(const Activation& activation, double x) {
  switch (activation.kind) {
    case ActivationKind::relu:
      return x > 0 ? Point{x, 1} : Point{x != x ? x : 0, 0};
    case ActivationKind::leaky_relu:
      return x > 0 ? Point{x, 1} : Point{x * activation.negative_slope, activation.negative_slope};
    case ActivationKind::gelu:
      return gelu(x, activation.approximate);
    case ActivationKind::tanh: {
      const double t = math::tanh(x);
      return {t, 1 - t * t};
    }
    case ActivationKind::sigmoid: {
      const double s = math::sigmoid(x);
      return {s, s * (1 - s)};
    }
    default:
      return {x, 1};
  }
}

template <class T>
class ElementWise : public Kernel {
 public:
  explicit ElementWise(const Op& op)
      : activation_(std::get<ActivationOp>(op.kind).activation), size_(op.input.elements()) {}

  void forward(const ForwardArgs& args) const override {
    for (std::int64_t i = 0; i < args.samples * size_; ++i)
      output_of<T>(args)[i] = static_cast<T>(evaluate(activation_, double{input_of<T>(args)[i]}).value);
  }
  void backward(const BackwardArgs& args) const override {
    if (!args.grad_input) return;
    for (std::int64_t i = 0; i < args.samples * size_; ++i)
      grad_input_of<T>(args)[i] = static_cast<T>(double{grad_output_of<T>(args)[i]} *
                                                 evaluate(activation_, double{input_of<T>(args)[i]}).slope);
  }

 private:
  Activation activation_;
  std::int64_t size_;
};

/// Over the last axis.
template <class T>
class Softmax : public Kernel {
 public:
  explicit Softmax(const Op& op)
      : width_(op.input[op.input.rank() - 1]), rows_(op.input.elements() / width_) {}

  void forward(const ForwardArgs& args) const override {
    for (std::int64_t row = 0; row < args.samples * rows_; ++row) {
      const T* x = input_of<T>(args) + row * width_;
      T* y = output_of<T>(args) + row * width_;
      const double largest = double{*std::max_element(x, x + width_)};
      double sum = 0;
      for (std::int64_t i = 0; i < width_; ++i) sum += math::exp(double{x[i]} - largest);
      for (std::int64_t i = 0; i < width_; ++i)
        y[i] = static_cast<T>(math::exp(double{x[i]} - largest) / sum);
    }
  }
  void backward(const BackwardArgs& args) const override {
    if (!args.grad_input) return;
    for (std::int64_t row = 0; row < args.samples * rows_; ++row) {
      const T* y = output_of<T>(args) + row * width_;
      const T* dy = grad_output_of<T>(args) + row * width_;
      T* dx = grad_input_of<T>(args) + row * width_;
      double dot = 0;
      for (std::int64_t i = 0; i < width_; ++i) dot += double{y[i]} * double{dy[i]};
      for (std::int64_t i = 0; i < width_; ++i) dx[i] = static_cast<T>(double{y[i]} * (double{dy[i]} - dot));
    }
  }

 private:
  std::int64_t width_;
  std::int64_t rows_;
};

template <class T>
class Dropout : public Kernel {
 public:
  explicit Dropout(const Op& op)
      : rate_(std::get<DropoutOp>(op.kind).rate),
        layer_(static_cast<std::uint32_t>(op.layer)),
        size_(op.input.elements()) {}

  void forward(const ForwardArgs& args) const override {
    apply(args, input_of<T>(args), output_of<T>(args), args.training);
  }
  void backward(const BackwardArgs& args) const override {
    if (args.grad_input) apply(args, grad_output_of<T>(args), grad_input_of<T>(args), true);
  }

 private:
  void apply(const SliceArgs& args, const T* from, T* to, bool drop) const {
    const RandomStream stream(args.random.seed, RandomPurpose::dropout, layer_);
    const T scale = static_cast<T>(1 / (1 - rate_));
    for (std::int64_t n = 0; n < args.samples; ++n)
      for (std::int64_t e = 0; e < size_; ++e) {
        const auto words =
            stream(args.random.step, static_cast<std::uint32_t>(args.random.first_position + n),
                   static_cast<std::uint32_t>(e / 4));
        const bool zero =
            drop && uniform_float(words[static_cast<std::size_t>(e % 4)]) < static_cast<float>(rate_);
        const std::int64_t i = n * size_ + e;
        to[i] = !drop ? from[i] : zero ? T{0} : from[i] * scale;
      }
  }

  double rate_;
  std::uint32_t layer_;
  std::int64_t size_;
};

}  // namespace

template <class T>
std::unique_ptr<Kernel> make_activation(const Op& op) {
  if (std::get<ActivationOp>(op.kind).activation.kind == ActivationKind::softmax)
    return std::make_unique<Softmax<T>>(op);
  return std::make_unique<ElementWise<T>>(op);
}
template <class T>
std::unique_ptr<Kernel> make_dropout(const Op& op) {
  return std::make_unique<Dropout<T>>(op);
}
template std::unique_ptr<Kernel> make_activation<float>(const Op&);
template std::unique_ptr<Kernel> make_activation<double>(const Op&);
template std::unique_ptr<Kernel> make_dropout<float>(const Op&);
template std::unique_ptr<Kernel> make_dropout<double>(const Op&);

}  // namespace convoy::reference
