#pragma once

#include <vector>

#include "core/config/catalog.h"
#include "layers/layer.h"

namespace convoy {

/// Every kind of layer, in the order of the documentation. To add one, write its file and its line in
/// registry.cpp.
std::vector<LayerType> layer_types();

/// The same for core/config, in the same order.
config::Catalog layer_catalog();

}  // namespace convoy
