#include "layers/activation_names.h"
#include "layers/layer.h"

namespace convoy {

namespace {

struct ActivationLayer {
  ActivationKind activation = ActivationKind::linear;
  static void fields(config::Fields<ActivationLayer>& f) {
    f.required("activation", &ActivationLayer::activation, "which one");
  }
  void lower(Lowering& to) const { to.append_activation({activation}); }
};

struct Relu {
  static void fields(config::Fields<Relu>&) {}
  void lower(Lowering& to) const { to.append_activation({ActivationKind::relu}); }
};

struct LeakyRelu {
  double negative_slope = 0.3;
  static void fields(config::Fields<LeakyRelu>& f) {
    f.optional("negative_slope", &LeakyRelu::negative_slope, "slope below zero", config::at_least(0));
  }
  void lower(Lowering& to) const { to.append_activation({ActivationKind::leaky_relu, negative_slope}); }
};

struct Softmax {
  static void fields(config::Fields<Softmax>&) {}
  void lower(Lowering& to) const { to.append_activation({ActivationKind::softmax}); }
};

}  // namespace

LayerType activation() {
  return layer_type<ActivationLayer>("activation", "Activation", "applies a function to each value");
}
LayerType relu() { return layer_type<Relu>("relu", "ReLU", "max(x, 0)"); }
LayerType leaky_relu() {
  return layer_type<LeakyRelu>("leaky_relu", "LeakyReLU", "x above zero, negative_slope * x below");
}
LayerType softmax() {
  return layer_type<Softmax>("softmax", "Softmax", "turns the last axis into probabilities");
}

}  // namespace convoy
