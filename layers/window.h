#pragma once

#include <cstdint>

#include "core/config/fields.h"
#include "layers/layer.h"

namespace convoy {

enum class Padding { valid, same };
constexpr auto enum_names(Padding) {
  return std::array{config::EnumName{Padding::valid, "valid"}, config::EnumName{Padding::same, "same"}};
}

/// A layer's window with its padding in words.
struct WindowSizes {
  config::Size2d size, strides, dilation{1, 1};
  Padding padding = Padding::valid;
};

/// Pads as TensorFlow does: `valid` not at all; `same` to ceil(input / stride) pixels, total =
/// max((ceil(input / stride) - 1) * stride + (size - 1) * dilation + 1 - input, 0), the odd pixel at the
/// bottom and right. Where a `valid` window is larger than what it slides over, reports so, naming
/// `size_key`, and pads as `same`.
Window2d resolve_window(Lowering& to, const WindowSizes& sizes, const char* size_key);

/// [height, width] of what the window gives, with `channels` channels.
Shape output_of(const Window2d& window, const Shape& input, std::int64_t channels);

}  // namespace convoy
