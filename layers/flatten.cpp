#include "layers/layer.h"

namespace convoy {

namespace {

struct Flatten {
  static void fields(config::Fields<Flatten>&) {}
  void lower(Lowering& to) const { to.reshape({to.shape().elements()}); }
};

}  // namespace

LayerType flatten() {
  return layer_type<Flatten>("flatten", "Flatten", "lays an image out as a vector, row by row");
}

}  // namespace convoy
