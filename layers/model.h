#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/ops.h"
#include "core/tensor.h"
#include "layers/initializers.h"

namespace convoy {

/// A named tensor of the model in one of its two arenas: trainable parameters, or statistics (moving means
/// and variances) that training measures rather than learns. Offsets are elements, multiples of 16; the gaps
/// stay zero.
struct ModelTensor {
  std::string name;  ///< "conv2d/kernel", "batch_normalization/moving_mean"
  Shape shape;
  Initializer initializer;
  std::int64_t offset = 0;
};

/// What `convoy summary` prints of a layer.
struct LayerInfo {
  std::string name;        ///< "conv2d_1"
  std::string type;        ///< "conv2d"
  std::string class_name;  ///< Keras': "Conv2D"
  Shape output;
  std::int64_t parameters = 0;  ///< trainable and not
  std::int64_t trainable = 0;
  double flops = 0;  ///< forward, one sample
};

/// The layer stack after shape inference: what is computed, and where its parameters lie. No device, no
/// batch.
struct Model {
  Shape input;
  Shape output;
  std::vector<LayerInfo> layers;
  std::vector<Op> ops;
  std::vector<ModelTensor> parameters;  ///< in layer order, ascending offsets
  std::vector<ModelTensor> statistics;
  std::int64_t parameter_elements = 0;  ///< the parameter arena's size, gaps included
  std::int64_t statistics_elements = 0;
};

/// Fills both arenas with the initial values: a pure function of the model and the seed. An arena that is
/// empty is left out.
void initialize(const Model& model, std::uint64_t seed, std::span<float> parameters,
                std::span<float> statistics);

}  // namespace convoy
