#include "core/cpu/simd/functions.h"

namespace convoy::simd::CONVOY_SIMD_ISA {

void round_to_bfloat16(const float* from, std::size_t n, float* to) {
  for (std::size_t i = 0; i < n; ++i) {
    std::uint32_t bits;
    __builtin_memcpy(&bits, from + i, sizeof bits);
    const bool is_nan = (bits & 0x7fffffff) > 0x7f800000;
    // Half of the last place that stays, or just under it where that place is even; a NaN would overflow.
    const std::uint32_t nearest = bits + 0x7fff + ((bits >> 16) & 1);
    bits = (is_nan ? bits | 0x00400000 : nearest) & 0xffff0000;
    __builtin_memcpy(to + i, &bits, sizeof bits);
  }
}

}  // namespace convoy::simd::CONVOY_SIMD_ISA
