#include "core/cpu/simd/functions.h"
#include "core/cpu/simd/vector.h"

namespace convoy::simd::CONVOY_SIMD_ISA {

double multiply_adds(std::int64_t rounds, float factor, float* sink) {
  constexpr int kChains = 12;  // enough to hide the latency, few enough for 16 registers
  Floats sums[kChains];
  for (int i = 0; i < kChains; ++i) sums[i] = broadcast(static_cast<float>(i));
  const Floats x = broadcast(factor);
  for (std::int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) sums[i] = multiply_add(sums[i], x, x);
  }
  for (int i = 1; i < kChains; ++i) sums[0] += sums[i];
  store(sink, sums[0]);
  return 2.0 * kChains * kLanes * static_cast<double>(rounds);
}

}  // namespace convoy::simd::CONVOY_SIMD_ISA
