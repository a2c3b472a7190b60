#include <optional>

#include "layers/layer.h"
#include "layers/window.h"

namespace convoy {

namespace {

template <Pool2dOp::Kind kKind>
struct Pooling2d {
  config::Size2d pool_size{2, 2};
  std::optional<config::Size2d> strides;
  Padding padding = Padding::valid;

  static void fields(config::Fields<Pooling2d>& f) {
    f.optional("pool_size", &Pooling2d::pool_size, "height and width of the window",
               config::at_least(1).at_most(1 << 16));
    f.optional("strides", &Pooling2d::strides, "step of the window; none: pool_size",
               config::at_least(1).at_most(1 << 16));
    f.optional("padding", &Pooling2d::padding,
               "`same` keeps ceil(input / stride) pixels, `valid` those that the window fits over");
  }

  void lower(Lowering& to) const {
    to.require_image();
    const Window2d window =
        resolve_window(to, {pool_size, strides.value_or(pool_size), {1, 1}, padding}, "pool_size");
    to.append(Pool2dOp{kKind, window}, output_of(window, to.shape(), to.shape()[2]));
  }
};

struct GlobalAveragePooling2d {
  bool keepdims = false;

  static void fields(config::Fields<GlobalAveragePooling2d>& f) {
    f.optional("keepdims", &GlobalAveragePooling2d::keepdims,
               "leave an image of one pixel, [1, 1, channels], instead of a vector");
  }
  void lower(Lowering& to) const {
    to.require_image();
    const std::int64_t channels = to.shape()[2];
    to.append(GlobalAveragePool2dOp{}, {channels});
    if (keepdims) to.reshape({1, 1, channels});
  }
};

}  // namespace

LayerType max_pooling2d() {
  return layer_type<Pooling2d<Pool2dOp::Kind::max>>("max_pooling2d", "MaxPooling2D",
                                                    "keeps the largest value of each window");
}
LayerType average_pooling2d() {
  return layer_type<Pooling2d<Pool2dOp::Kind::average>>("average_pooling2d", "AveragePooling2D",
                                                        "averages each window");
}
LayerType global_average_pooling2d() {
  return layer_type<GlobalAveragePooling2d>("global_average_pooling2d", "GlobalAveragePooling2D",
                                            "averages each channel over the whole image");
}

}  // namespace convoy
