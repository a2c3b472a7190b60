#include "layers/layer.h"

namespace convoy {

namespace {

struct ZeroPadding2d {
  config::Padding2d padding{1, 1, 1, 1};
  static void fields(config::Fields<ZeroPadding2d>& f) {
    f.optional("padding", &ZeroPadding2d::padding,
               "pixels on each side: one number, [height, width], or [[top, bottom], [left, right]]",
               config::at_least(0).at_most(1 << 20));
  }
  void lower(Lowering& to) const {
    to.require_image();
    const Shape in = to.shape();
    to.append(ZeroPadding2dOp{padding.top, padding.bottom, padding.left, padding.right},
              {in[0] + padding.top + padding.bottom, in[1] + padding.left + padding.right, in[2]});
  }
};

}  // namespace

LayerType zero_padding2d() {
  return layer_type<ZeroPadding2d>("zero_padding2d", "ZeroPadding2D", "puts zeros around an image");
}

}  // namespace convoy
