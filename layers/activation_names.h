#pragma once

#include "core/config/fields.h"
#include "core/ops.h"

namespace convoy {

/// What a layer's `activation:` may be, with Keras' parameters (leaky_relu's slope 0.2, gelu by erf).
constexpr auto enum_names(ActivationKind) {
  using config::EnumName;
  return std::array{
      EnumName{ActivationKind::linear, "none"},     EnumName{ActivationKind::linear, "linear"},
      EnumName{ActivationKind::relu, "relu"},       EnumName{ActivationKind::leaky_relu, "leaky_relu"},
      EnumName{ActivationKind::gelu, "gelu"},       EnumName{ActivationKind::tanh, "tanh"},
      EnumName{ActivationKind::sigmoid, "sigmoid"}, EnumName{ActivationKind::softmax, "softmax"}};
}

}  // namespace convoy
