#include "layers/activation_names.h"
#include "layers/layer.h"

namespace convoy {

namespace {

struct Dense {
  std::int64_t units = 0;
  ActivationKind activation = ActivationKind::linear;
  bool use_bias = true;
  Initializer kernel_initializer = GlorotUniform{};
  Initializer bias_initializer = Zeros{};

  static void fields(config::Fields<Dense>& f) {
    f.required("units", &Dense::units, "number of outputs", config::at_least(1).at_most(1 << 24));
    f.optional("activation", &Dense::activation, "applied to the output");
    f.optional("use_bias", &Dense::use_bias, "add a bias to each output");
    f.optional("kernel_initializer", &Dense::kernel_initializer, "initial kernel");
    f.optional("bias_initializer", &Dense::bias_initializer, "initial biases");
  }

  void lower(Lowering& to) const {
    if (to.shape().rank() != 1) {
      to.report({"", "takes a vector, but its input is an image {}; add `- flatten` before it",
                 to.shape().to_string()});
      to.reshape({to.shape().elements()});
    }
    std::vector<ParameterRange> tensors{to.parameter("kernel", {to.shape()[0], units}, kernel_initializer)};
    if (use_bias) tensors.push_back(to.parameter("bias", {units}, bias_initializer));
    to.append(DenseOp{use_bias}, {units}, std::move(tensors));
    to.append_activation({activation});
  }
};

}  // namespace

LayerType dense() { return layer_type<Dense>("dense", "Dense", "connects every input to every output"); }

}  // namespace convoy
