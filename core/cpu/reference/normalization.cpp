#include <algorithm>
#include <cmath>

#include "core/cpu/reference/kernels.h"

namespace convoy::reference {

namespace {

std::int64_t channels_of(const Op& op) { return op.input[op.input.rank() - 1]; }

template <class T>
class BatchMoments : public Kernel {
 public:
  explicit BatchMoments(const Op& op)
      : channels_(channels_of(op)),
        size_(op.input.elements()),
        epsilon_(std::get<BatchMomentsOp>(op.kind).epsilon) {}

  std::size_t forward_record() const override { return static_cast<std::size_t>(1 + 2 * channels_); }

  void forward(const ForwardArgs& args) const override {
    const T* x = input_of<T>(args);
    const std::int64_t rows = args.samples * size_ / channels_;
    args.record[0] = static_cast<double>(rows);
    for (std::int64_t c = 0; c < channels_; ++c) {
      double sum = 0, squares = 0;
      for (std::int64_t r = 0; r < rows; ++r) sum += double{x[r * channels_ + c]};
      const double mean = sum / static_cast<double>(rows);
      for (std::int64_t r = 0; r < rows; ++r) {
        const double deviation = double{x[r * channels_ + c]} - mean;
        squares += deviation * deviation;
      }
      args.record[1 + c] = mean;
      args.record[1 + channels_ + c] = squares;
    }
    if (args.output != args.input) std::copy_n(x, rows * channels_, output_of<T>(args));
  }

  void backward(const BackwardArgs& args) const override {
    if (!args.grad_input) return;
    const double* mean = args.batch_values;
    for (std::int64_t i = 0; i < args.samples * size_; ++i) {
      const std::int64_t c = i % channels_;
      const double scale = 1 / std::sqrt(mean[channels_ + c] + epsilon_);
      const double xhat = (double{input_of<T>(args)[i]} - mean[c]) * scale;
      grad_input_of<T>(args)[i] = static_cast<T>(
          (double{grad_output_of<T>(args)[i]} - mean[2 * channels_ + c] - xhat * mean[3 * channels_ + c]) *
          scale);
    }
  }

 private:
  std::int64_t channels_;
  std::int64_t size_;
  double epsilon_;
};

template <class T>
class Normalize : public Kernel {
 public:
  explicit Normalize(const Op& op)
      : op_(std::get<NormalizeOp>(op.kind)), channels_(channels_of(op)), size_(op.input.elements()) {}

  std::size_t backward_record() const override { return static_cast<std::size_t>(2 * channels_); }

  void forward(const ForwardArgs& args) const override {
    for (std::int64_t i = 0; i < args.samples * size_; ++i) {
      const std::int64_t c = i % channels_;
      output_of<T>(args)[i] = static_cast<T>(xhat(args, i) * gamma(args, c) + beta(args, c));
    }
  }

  void backward(const BackwardArgs& args) const override {
    for (std::int64_t c = 0; c < channels_; ++c) {
      double sum = 0, product = 0;
      for (std::int64_t i = c; i < args.samples * size_; i += channels_) {
        const double dy = double{grad_output_of<T>(args)[i]};
        sum += dy;
        product += dy * xhat(args, i);
      }
      args.record[c] = sum * gamma(args, c);
      args.record[channels_ + c] = product * gamma(args, c);
      if (op_.scale) grad_parameter_of<T>(args, 0)[c] = static_cast<T>(product);
      if (op_.center) grad_parameter_of<T>(args, op_.scale)[c] = static_cast<T>(sum);
    }
    if (!args.grad_input) return;
    for (std::int64_t i = 0; i < args.samples * size_; ++i)
      grad_input_of<T>(args)[i] =
          static_cast<T>(double{grad_output_of<T>(args)[i]} * gamma(args, i % channels_));
  }

 private:
  double xhat(const SliceArgs& args, std::int64_t i) const {
    const std::int64_t c = i % channels_;
    return (double{input_of<T>(args)[i]} - args.batch_values[c]) /
           std::sqrt(args.batch_values[channels_ + c] + op_.epsilon);
  }
  double gamma(const SliceArgs& args, std::int64_t c) const {
    return op_.scale ? double{parameter_of<T>(args, 0)[c]} : 1.0;
  }
  double beta(const SliceArgs& args, std::int64_t c) const {
    return op_.center ? double{parameter_of<T>(args, op_.scale)[c]} : 0.0;
  }

  NormalizeOp op_;
  std::int64_t channels_;
  std::int64_t size_;
};

template <class T>
class ZeroPadding2d : public Kernel {
 public:
  explicit ZeroPadding2d(const Op& op) : op_(op), padding_(std::get<ZeroPadding2dOp>(op.kind)) {}

  void forward(const ForwardArgs& args) const override {
    std::fill_n(output_of<T>(args), args.samples * op_.output.elements(), T{0});
    each_row(args.samples, [&](std::int64_t in, std::int64_t out, std::int64_t size) {
      std::copy_n(input_of<T>(args) + in, size, output_of<T>(args) + out);
    });
  }
  void backward(const BackwardArgs& args) const override {
    if (!args.grad_input) return;
    each_row(args.samples, [&](std::int64_t in, std::int64_t out, std::int64_t size) {
      std::copy_n(grad_output_of<T>(args) + out, size, grad_input_of<T>(args) + in);
    });
  }

 private:
  template <class Visit>
  void each_row(std::int64_t samples, const Visit& visit) const {
    const std::int64_t row = op_.input[1] * op_.input[2];
    for (std::int64_t n = 0; n < samples; ++n)
      for (std::int64_t y = 0; y < op_.input[0]; ++y)
        visit((n * op_.input[0] + y) * row,
              ((n * op_.output[0] + y + padding_.top) * op_.output[1] + padding_.left) * op_.output[2], row);
  }

  Op op_;
  ZeroPadding2dOp padding_;
};

}  // namespace

template <class T>
std::unique_ptr<Kernel> make_batch_moments(const Op& op) {
  return std::make_unique<BatchMoments<T>>(op);
}
template <class T>
std::unique_ptr<Kernel> make_normalize(const Op& op) {
  return std::make_unique<Normalize<T>>(op);
}
template <class T>
std::unique_ptr<Kernel> make_zero_padding2d(const Op& op) {
  return std::make_unique<ZeroPadding2d<T>>(op);
}
template std::unique_ptr<Kernel> make_batch_moments<float>(const Op&);
template std::unique_ptr<Kernel> make_batch_moments<double>(const Op&);
template std::unique_ptr<Kernel> make_normalize<float>(const Op&);
template std::unique_ptr<Kernel> make_normalize<double>(const Op&);
template std::unique_ptr<Kernel> make_zero_padding2d<float>(const Op&);
template std::unique_ptr<Kernel> make_zero_padding2d<double>(const Op&);

}  // namespace convoy::reference
