#include "layers/layer.h"

namespace convoy {

namespace {

struct Dropout {
  double rate = 0;
  static void fields(config::Fields<Dropout>& f) {
    f.required("rate", &Dropout::rate, "probability of dropping a value in training",
               config::at_least(0).below(1));
  }
  void lower(Lowering& to) const { to.append(DropoutOp{rate}, to.shape()); }
};

}  // namespace

LayerType dropout() {
  return layer_type<Dropout>("dropout", "Dropout",
                             "zeroes values at random in training and scales the others up");
}

}  // namespace convoy
