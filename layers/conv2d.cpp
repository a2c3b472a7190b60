#include "layers/activation_names.h"
#include "layers/layer.h"
#include "layers/window.h"

namespace convoy {

namespace {

/// What conv2d and depthwise_conv2d share.
struct ConvolutionParameters {
  config::Size2d kernel_size;
  config::Size2d strides{1, 1};
  Padding padding = Padding::valid;
  config::Size2d dilation_rate{1, 1};
  bool use_bias = true;
  ActivationKind activation = ActivationKind::linear;
  Initializer bias_initializer = Zeros{};

  template <class P>
  static void shared_fields(config::Fields<P>& f) {
    f.required("kernel_size", &P::kernel_size, "height and width of the window",
               config::at_least(1).at_most(1 << 16));
    f.optional("strides", &P::strides, "step of the window", config::at_least(1).at_most(1 << 16));
    f.optional("padding", &P::padding,
               "`same` keeps ceil(input / stride) pixels, `valid` those that the window fits over");
    f.optional("dilation_rate", &P::dilation_rate, "distance of the window's pixels",
               config::at_least(1).at_most(1 << 16));
    f.optional("use_bias", &P::use_bias, "add a bias to each output channel");
    f.optional("activation", &P::activation, "applied to the output");
    f.optional("bias_initializer", &P::bias_initializer, "initial biases");
  }

  Window2d window(Lowering& to) const {
    to.require_image();
    const bool strided = strides != config::Size2d{1, 1}, dilated = dilation_rate != config::Size2d{1, 1};
    if (strided && dilated)
      to.report({"dilation_rate",
                 "strides and dilation_rate cannot both exceed 1, as in Keras; set one of them to 1"});
    return resolve_window(to, {kernel_size, strides, dilation_rate, padding}, "kernel_size");
  }

  void append(Lowering& to, const Window2d& window, std::int64_t groups, std::int64_t filters,
              ParameterRange kernel) const {
    std::vector<ParameterRange> tensors{std::move(kernel)};
    if (use_bias) tensors.push_back(to.parameter("bias", {filters}, bias_initializer));
    to.append(Conv2dOp{window, groups, use_bias}, output_of(window, to.shape(), filters), std::move(tensors));
    to.append_activation({activation});
  }
};

struct Conv2d : ConvolutionParameters {
  std::int64_t filters = 0;
  std::int64_t groups = 1;
  Initializer kernel_initializer = GlorotUniform{};

  static void fields(config::Fields<Conv2d>& f) {
    f.required("filters", &Conv2d::filters, "number of output channels",
               config::at_least(1).at_most(1 << 24));
    shared_fields(f);
    f.optional("groups", &Conv2d::groups, "parts of the channels that do not see each other",
               config::at_least(1).at_most(1 << 24));
    f.optional("kernel_initializer", &Conv2d::kernel_initializer, "initial kernel");
  }

  void lower(Lowering& to) const {
    const Window2d geometry = window(to);
    const std::int64_t channels = to.shape()[2];
    if (channels % groups != 0 && filters % groups != 0)
      to.report(
          {"groups",
           "neither {} input channels nor {} filters can be divided into {} groups; use a divisor of both",
           channels, filters, groups});
    else if (channels % groups != 0)
      to.report({"groups", "{} input channels cannot be divided into {} groups; use a divisor of {}",
                 channels, groups, channels});
    else if (filters % groups != 0)
      to.report({"groups", "{} filters cannot be divided into {} groups; use a divisor of {}", filters,
                 groups, filters});
    append(to, geometry, groups, filters,
           to.parameter("kernel", {kernel_size.height, kernel_size.width, channels / groups, filters},
                        kernel_initializer));
  }
};

/// One convolution a channel. Keras' kernel [height, width, channels, multiplier] has the same elements in
/// the same order as that of a convolution in `channels` groups, [height, width, 1, channels * multiplier].
struct DepthwiseConv2d : ConvolutionParameters {
  std::int64_t depth_multiplier = 1;
  Initializer depthwise_initializer = GlorotUniform{};

  static void fields(config::Fields<DepthwiseConv2d>& f) {
    shared_fields(f);
    f.optional("depth_multiplier", &DepthwiseConv2d::depth_multiplier,
               "output channels for each input channel", config::at_least(1).at_most(1 << 16));
    f.optional("depthwise_initializer", &DepthwiseConv2d::depthwise_initializer, "initial kernel");
  }

  void lower(Lowering& to) const {
    const Window2d geometry = window(to);
    const std::int64_t channels = to.shape()[2];
    ParameterRange kernel = to.parameter(
        "kernel", {kernel_size.height, kernel_size.width, channels, depth_multiplier}, depthwise_initializer);
    kernel.shape = {kernel_size.height, kernel_size.width, 1, channels * depth_multiplier};
    append(to, geometry, channels, channels * depth_multiplier, std::move(kernel));
  }
};

}  // namespace

LayerType conv2d() { return layer_type<Conv2d>("conv2d", "Conv2D", "slides kernels over an image"); }

LayerType depthwise_conv2d() {
  return layer_type<DepthwiseConv2d>("depthwise_conv2d", "DepthwiseConv2D",
                                     "slides kernels over each channel on its own");
}

}  // namespace convoy
