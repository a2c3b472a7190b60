#include "core/cpu/simd/functions.h"

namespace convoy::simd::CONVOY_SIMD_ISA {

void relu_forward(float* __restrict y, const float* __restrict x, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) y[i] = x[i] <= 0.0F ? 0.0F : x[i];
}

void relu_backward(float* dx, const float* y, const float* dy, std::size_t n) {
#pragma GCC ivdep
  for (std::size_t i = 0; i < n; ++i) dx[i] = y[i] > 0.0F ? dy[i] : 0.0F;
}

}  // namespace convoy::simd::CONVOY_SIMD_ISA
