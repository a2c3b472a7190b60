#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "layers/executor.h"
#include "tests/support/layer_draw.h"

namespace convoy::testing {

/// A network of nearly every kind of layer, with meetings of the whole batch and without.
inline constexpr const char* kEveryLayer = R"(
input_shape: [12, 10, 3]
layers:
  - conv2d: {filters: 6, kernel_size: 3, strides: 2, padding: same, use_bias: false}
  - batch_normalization
  - leaky_relu
  - depthwise_conv2d: {kernel_size: 3, padding: same, activation: tanh}
  - batch_normalization: {statistics: slice, scale: false}
  - zero_padding2d
  - max_pooling2d: {pool_size: 3, strides: 2, padding: same}
  - conv2d: {filters: 8, kernel_size: [1, 3], groups: 2, activation: gelu}
  - dropout: {rate: 0.3}
  - average_pooling2d: {pool_size: 2, strides: 1}
  - batch_normalization: {center: false}
  - flatten
  - dense: {units: 12, activation: sigmoid}
  - dense: {units: 10}
)";

/// Random pictures with labels: in float for the executor, in double for the serial runner.
class Batch : public SliceSource {
 public:
  Batch(const Model& model, std::int64_t samples) : elements_(model.input.elements()) {
    for (double value : random_values(samples * elements_, 20)) pixels_.push_back(static_cast<float>(value));
  }
  static std::int32_t label(std::int64_t sample) { return static_cast<std::int32_t>(sample * 7 % 10); }
  void fill(std::int64_t first, std::int64_t samples, float* input, std::int32_t* labels) const override {
    std::copy_n(pixels_.begin() + first * elements_, samples * elements_, input);
    for (std::int64_t i = 0; i < samples; ++i) labels[i] = label(first + i);
  }
  std::vector<double> exact(std::int64_t first, std::int64_t samples) const {
    const auto begin = pixels_.begin() + first * elements_;
    return {begin, begin + samples * elements_};
  }

 private:
  std::int64_t elements_;
  std::vector<float> pixels_;
};

}  // namespace convoy::testing
