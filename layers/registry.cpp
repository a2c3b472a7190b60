#include "layers/registry.h"

namespace convoy {

// clang-format off
#define CONVOY_LAYERS(LAYER)          \
  LAYER(conv2d)                       \
  LAYER(depthwise_conv2d)             \
  LAYER(max_pooling2d)                \
  LAYER(average_pooling2d)            \
  LAYER(global_average_pooling2d)     \
  LAYER(flatten)                      \
  LAYER(dense)                        \
  LAYER(activation)                   \
  LAYER(relu)                         \
  LAYER(leaky_relu)                   \
  LAYER(softmax)                      \
  LAYER(dropout)                      \
  LAYER(batch_normalization)          \
  LAYER(zero_padding2d)
// clang-format on

#define DECLARE(name) LayerType name();
CONVOY_LAYERS(DECLARE)

std::vector<LayerType> layer_types() {
#define CALL(name) name(),
  return {CONVOY_LAYERS(CALL)};
}

config::Catalog layer_catalog() {
  config::Catalog catalog;
  catalog.noun = "layer";
  catalog.named = true;
  for (LayerType& type : layer_types()) catalog.entries.push_back(std::move(type.entry));
  return catalog;
}

}  // namespace convoy
