#include "core/cpu/simd/table.h"

namespace convoy::simd::CONVOY_SIMD_ISA {

bool accumulate_exact(std::int64_t* __restrict sum, const float* __restrict gradient, std::size_t n, float limit) {
  int bad = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const float value = gradient[i];
    const bool fits = __builtin_fabsf(value) < limit;  // false for NaN
    bad |= !fits;
    // Scaling by a power of two is exact, and so is the conversion to double.
    sum[i] += __builtin_llrint(static_cast<double>(fits ? value : 0.0F) * 0x1p44);
  }
  return bad == 0;
}

const Table& table() {
#define CONVOY_TEXT(name) #name
#define CONVOY_NAME(name) CONVOY_TEXT(name)
  static constexpr Table kTable{.isa = CONVOY_NAME(CONVOY_SIMD_ISA), .accumulate_exact = accumulate_exact};
  return kTable;
}

}  // namespace convoy::simd::CONVOY_SIMD_ISA
