#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "core/data/dataset.h"
#include "layers/model.h"

namespace convoy::testing {

// Pictures and initial weights that are computed from their places, here and in scripts/reference/training.py
// alike: too large to commit.

/// 32 bits from 32: Wellons' lowbias32.
inline std::uint32_t mix(std::uint32_t n) {
  n = (n ^ (n >> 16)) * 0x7feb352dU;
  n = (n ^ (n >> 15)) * 0x846ca68bU;
  return n ^ (n >> 16);
}

/// Waves of random phase; the labels set their direction.
class MadeImages : public Dataset {
 public:
  explicit MadeImages(std::int64_t samples) : Dataset("waves", {32, 32, 3}, numbered_classes(10), samples) {}

  int label(std::int64_t i) const override {
    return static_cast<int>(mix(0x10000000U + static_cast<std::uint32_t>(i)) % 10);
  }
  void read(std::int64_t i, std::uint8_t* hwc) const override {
    const int y_slope = 8 * (label(i) % 5 - 2), x_slope = 8 * (label(i) / 5 * 2 - 1);
    for (int y = 0; y < 32; ++y)
      for (int x = 0; x < 32; ++x)
        for (int c = 0; c < 3; ++c) {
          const int phase = static_cast<int>(mix(0x30000000U + static_cast<std::uint32_t>(3 * i + c)) >> 24);
          const int position = (y * y_slope + x * x_slope + phase) & 255;
          *hwc++ = static_cast<std::uint8_t>(std::min(position, 255 - position));
        }
  }
};

/// Kernels uniform as Glorot's, biases within 1; `number` counts the model's trainable tensors.
inline std::vector<float> made_weights(const ModelTensor& tensor, std::uint32_t number) {
  double limit = 1;
  if (!tensor.name.ends_with("bias")) {
    const auto extents = tensor.shape.extents();
    const std::int64_t in = extents[extents.size() - 2], out = extents.back();
    limit = std::sqrt(6.0 / static_cast<double>(tensor.shape.elements() / (in * out) * (in + out)));
  }
  std::vector<float> values(static_cast<std::size_t>(tensor.shape.elements()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint32_t word = mix(0x40000000U + number * 0x01000000U + static_cast<std::uint32_t>(i));
    values[i] = static_cast<float>((static_cast<double>(word >> 8) * 0x1p-23 - 1) * limit);
  }
  return values;
}

}  // namespace convoy::testing
