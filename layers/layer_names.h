#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/config/catalog.h"
#include "core/config/diagnostics.h"

namespace convoy {

/// Every layer's name: its own, or Keras' automatic one, the class name in snake case with _1, _2, … from the
/// second unnamed layer of the class on. Reports names that are taken twice or that a file of weights cannot
/// hold. `layers` are choices from layer_catalog().
std::vector<std::string> name_layers(std::span<const config::Choice> layers,
                                     config::Diagnostics& diagnostics);

/// "LeakyReLU" -> "leaky_re_lu", as keras.src.utils.naming.to_snake_case.
std::string snake_case(std::string_view class_name);

}  // namespace convoy
