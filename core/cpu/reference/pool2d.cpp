#include <algorithm>
#include <vector>

#include "core/cpu/reference/kernels.h"

namespace convoy::reference {

namespace {

/// Calls visit(index of x) for the pixels of output pixel (oy, ox)'s window that lie inside the image, in row
/// order.
template <class Visit>
void each_in_window(const Window2d& w, const Shape& input, std::int64_t oy, std::int64_t ox,
                    const Visit& visit) {
  for (std::int64_t u = 0; u < w.height; ++u)
    for (std::int64_t v = 0; v < w.width; ++v) {
      const std::int64_t y = oy * w.stride_y + u * w.dilation_y - w.pad_top;
      const std::int64_t x = ox * w.stride_x + v * w.dilation_x - w.pad_left;
      if (y >= 0 && y < input[0] && x >= 0 && x < input[1]) visit((y * input[1] + x) * input[2]);
    }
}

template <class T>
class Pool2d : public Kernel {
 public:
  explicit Pool2d(const Op& op) : op_(op), pool_(std::get<Pool2dOp>(op.kind)) {}

  void forward(const ForwardArgs& args) const override {
    each_output(args.samples, [&](std::int64_t oy, std::int64_t ox, std::int64_t in, std::int64_t out) {
      const T* x = input_of<T>(args) + in;
      output_of<T>(args)[out] =
          pool_.kind == Pool2dOp::Kind::max ? x[largest(x, oy, ox)] : average(x, oy, ox);
    });
  }

  void backward(const BackwardArgs& args) const override {
    T* dx = grad_input_of<T>(args);
    if (!dx) return;
    std::fill_n(dx, args.samples * op_.input.elements(), T{0});
    each_output(args.samples, [&](std::int64_t oy, std::int64_t ox, std::int64_t in, std::int64_t out) {
      const T dy = grad_output_of<T>(args)[out];
      if (pool_.kind == Pool2dOp::Kind::max) {
        dx[in + largest(input_of<T>(args) + in, oy, ox)] += dy;
        return;
      }
      const T share = dy / static_cast<T>(window_pixels(oy, ox));
      each_in_window(pool_.window, op_.input, oy, ox, [&](std::int64_t pixel) { dx[in + pixel] += share; });
    });
  }

 private:
  /// Calls visit(oy, ox, start of the sample's channel in x, index of y).
  template <class Visit>
  void each_output(std::int64_t samples, const Visit& visit) const {
    for (std::int64_t n = 0, out = 0; n < samples; ++n)
      for (std::int64_t oy = 0; oy < op_.output[0]; ++oy)
        for (std::int64_t ox = 0; ox < op_.output[1]; ++ox)
          for (std::int64_t c = 0; c < op_.output[2]; ++c, ++out)
            visit(oy, ox, n * op_.input.elements() + c, out);
  }

  /// The first of the window's largest values; a NaN counts as largest.
  std::int64_t largest(const T* x, std::int64_t oy, std::int64_t ox) const {
    std::int64_t best = -1;
    each_in_window(pool_.window, op_.input, oy, ox, [&](std::int64_t pixel) {
      if (best < 0 || x[pixel] > x[best] || (x[pixel] != x[pixel] && x[best] == x[best])) best = pixel;
    });
    return best;
  }

  std::int64_t window_pixels(std::int64_t oy, std::int64_t ox) const {
    std::int64_t pixels = 0;
    each_in_window(pool_.window, op_.input, oy, ox, [&](std::int64_t) { ++pixels; });
    return pixels;
  }

  T average(const T* x, std::int64_t oy, std::int64_t ox) const {
    double sum = 0;
    each_in_window(pool_.window, op_.input, oy, ox, [&](std::int64_t pixel) { sum += double{x[pixel]}; });
    return static_cast<T>(sum / static_cast<double>(window_pixels(oy, ox)));
  }

  Op op_;
  Pool2dOp pool_;
};

template <class T>
class GlobalAveragePool2d : public Kernel {
 public:
  explicit GlobalAveragePool2d(const Op& op) : channels_(op.input[2]), pixels_(op.input[0] * op.input[1]) {}

  void forward(const ForwardArgs& args) const override {
    for (std::int64_t n = 0; n < args.samples; ++n)
      for (std::int64_t c = 0; c < channels_; ++c) {
        double sum = 0;
        for (std::int64_t p = 0; p < pixels_; ++p)
          sum += double{input_of<T>(args)[(n * pixels_ + p) * channels_ + c]};
        output_of<T>(args)[n * channels_ + c] = static_cast<T>(sum / static_cast<double>(pixels_));
      }
  }

  void backward(const BackwardArgs& args) const override {
    T* dx = grad_input_of<T>(args);
    if (!dx) return;
    for (std::int64_t n = 0; n < args.samples; ++n)
      for (std::int64_t p = 0; p < pixels_; ++p)
        for (std::int64_t c = 0; c < channels_; ++c)
          *dx++ = grad_output_of<T>(args)[n * channels_ + c] / static_cast<T>(pixels_);
  }

 private:
  std::int64_t channels_;
  std::int64_t pixels_;
};

}  // namespace

template <class T>
std::unique_ptr<Kernel> make_pool2d(const Op& op) {
  return std::make_unique<Pool2d<T>>(op);
}
template <class T>
std::unique_ptr<Kernel> make_global_average_pool2d(const Op& op) {
  return std::make_unique<GlobalAveragePool2d<T>>(op);
}
template std::unique_ptr<Kernel> make_pool2d<float>(const Op&);
template std::unique_ptr<Kernel> make_pool2d<double>(const Op&);
template std::unique_ptr<Kernel> make_global_average_pool2d<float>(const Op&);
template std::unique_ptr<Kernel> make_global_average_pool2d<double>(const Op&);

}  // namespace convoy::reference
