#pragma once

#include <cstdint>

#include "core/math.h"

namespace convoy::cuda {

/// The upper half of a float: 8 bits of exponent, 7 of fraction. Only for storage.
struct BFloat16 {
  std::uint16_t bits;

  BFloat16() = default;
  /// To the nearest, ties to even, as simd::Table::round_to_bfloat16; a NaN stays one.
  CONVOY_MATH explicit BFloat16(float value) {
    const std::uint32_t whole = math::detail::to_bits(value);
    const std::uint32_t rounded = (whole + 0x7fffU + ((whole >> 16) & 1U)) >> 16;
    bits = static_cast<std::uint16_t>(value == value ? rounded : (whole >> 16) | 0x40U);
  }
  CONVOY_MATH operator float() const { return math::detail::from_bits(std::uint32_t{bits} << 16); }
};

}  // namespace convoy::cuda
