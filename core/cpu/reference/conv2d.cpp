#include <algorithm>
#include <vector>

#include "core/cpu/reference/kernels.h"

namespace convoy::reference {

namespace {

template <class T>
class Conv2d : public Kernel {
 public:
  explicit Conv2d(const Op& op) : op_(op), conv_(std::get<Conv2dOp>(op.kind)) {}

  void forward(const ForwardArgs& args) const override {
    const T* kernel = parameter_of<T>(args, 0);
    for (std::int64_t n = 0; n < args.samples; ++n) {
      const T* x = input_of<T>(args) + n * op_.input.elements();
      T* y = output_of<T>(args) + n * op_.output.elements();
      std::vector<double> sums(static_cast<std::size_t>(op_.output.elements()), 0.0);
      if (conv_.use_bias)
        for (std::size_t i = 0; i < sums.size(); ++i)
          sums[i] = parameter_of<T>(args, 1)[i % static_cast<std::size_t>(op_.output[2])];
      each_product([&](std::int64_t in, std::int64_t weight, std::int64_t out) {
        sums[static_cast<std::size_t>(out)] += double{x[in]} * double{kernel[weight]};
      });
      std::transform(sums.begin(), sums.end(), y, [](double sum) { return static_cast<T>(sum); });
    }
  }

  void backward(const BackwardArgs& args) const override {
    const T* kernel = parameter_of<T>(args, 0);
    std::vector<double> dkernel(static_cast<std::size_t>(op_.parameters[0].shape.elements()), 0.0);
    std::vector<double> dbias(static_cast<std::size_t>(op_.output[2]), 0.0);
    std::vector<double> dx(static_cast<std::size_t>(op_.input.elements()));
    for (std::int64_t n = 0; n < args.samples; ++n) {
      const T* x = input_of<T>(args) + n * op_.input.elements();
      const T* dy = grad_output_of<T>(args) + n * op_.output.elements();
      std::fill(dx.begin(), dx.end(), 0.0);
      each_product([&](std::int64_t in, std::int64_t weight, std::int64_t out) {
        dkernel[static_cast<std::size_t>(weight)] += double{x[in]} * double{dy[out]};
        dx[static_cast<std::size_t>(in)] += double{kernel[weight]} * double{dy[out]};
      });
      for (std::int64_t i = 0; i < op_.output.elements(); ++i)
        dbias[static_cast<std::size_t>(i % op_.output[2])] += double{dy[i]};
      if (T* target = grad_input_of<T>(args))
        std::transform(dx.begin(), dx.end(), target + n * op_.input.elements(),
                       [](double sum) { return static_cast<T>(sum); });
    }
    const auto store = [](const std::vector<double>& sums, T* target) {
      std::transform(sums.begin(), sums.end(), target, [](double sum) { return static_cast<T>(sum); });
    };
    store(dkernel, grad_parameter_of<T>(args, 0));
    if (conv_.use_bias) store(dbias, grad_parameter_of<T>(args, 1));
  }

 private:
  /// Calls product(index of x, index of the kernel, index of y) for every product of one sample.
  template <class Product>
  void each_product(const Product& product) const {
    const Window2d& w = conv_.window;
    const std::int64_t height = op_.input[0], width = op_.input[1], channels = op_.input[2],
                       filters = op_.output[2];
    const std::int64_t group_channels = channels / conv_.groups, group_filters = filters / conv_.groups;
    for (std::int64_t oy = 0; oy < op_.output[0]; ++oy)
      for (std::int64_t ox = 0; ox < op_.output[1]; ++ox)
        for (std::int64_t u = 0; u < w.height; ++u) {
          const std::int64_t y = oy * w.stride_y + u * w.dilation_y - w.pad_top;
          if (y < 0 || y >= height) continue;
          for (std::int64_t v = 0; v < w.width; ++v) {
            const std::int64_t x = ox * w.stride_x + v * w.dilation_x - w.pad_left;
            if (x < 0 || x >= width) continue;
            for (std::int64_t c = 0; c < group_channels; ++c)
              for (std::int64_t f = 0; f < filters; ++f)
                product((y * width + x) * channels + f / group_filters * group_channels + c,
                        ((u * w.width + v) * group_channels + c) * filters + f,
                        (oy * op_.output[1] + ox) * filters + f);
          }
        }
  }

  Op op_;
  Conv2dOp conv_;
};

}  // namespace

template <class T>
std::unique_ptr<Kernel> make_conv2d(const Op& op) {
  return std::make_unique<Conv2d<T>>(op);
}
template std::unique_ptr<Kernel> make_conv2d<float>(const Op&);
template std::unique_ptr<Kernel> make_conv2d<double>(const Op&);

}  // namespace convoy::reference
