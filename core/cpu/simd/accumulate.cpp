#include "core/cpu/simd/exact.h"
#include "core/cpu/simd/functions.h"

namespace convoy::simd::CONVOY_SIMD_ISA {

namespace {

/// llrint(value * 2^44) for |value| < 2^19: scaling by a power of two is exact, and adding 1.5 * 2^52 to a
/// number below 2^51 leaves its nearest integer in the low bits. Larger numbers are converted by halves.
CONVOY_INLINE std::int64_t to_fixed(float value) {
  const double scaled = static_cast<double>(value) * 0x1p44;
  // The upper half counts multiples of 2^32; what is left is exact, since a float has 24 bits.
  const double upper = (scaled * 0x1p-32 + 0x1.8p52) - 0x1.8p52;
  const double lower = (scaled - upper * 0x1p32) + 0x1.8p52;
  const double upper_biased = upper + 0x1.8p52;
  std::int64_t upper_bits, lower_bits;
  __builtin_memcpy(&upper_bits, &upper_biased, sizeof upper_bits);
  __builtin_memcpy(&lower_bits, &lower, sizeof lower_bits);
  constexpr std::int64_t kBias = 0x4338000000000000;  // the bits of 1.5 * 2^52
  return ((upper_bits - kBias) << 32) + (lower_bits - kBias);
}

}  // namespace

bool accumulate_exact(std::int64_t* __restrict sum, const float* __restrict gradient, std::size_t n,
                      float limit) {
  std::size_t i = 0;
  int bad = 0;
#if defined(__AVX512DQ__)
  __mmask16 over = 0;
  const Floats bound = broadcast(limit);
  for (; i + 16 <= n; i += 16) over |= add_exact(sum + i, load(gradient + i), bound);
  bad = over;
#endif
  for (; i < n; ++i) {
    const bool fits = __builtin_fabsf(gradient[i]) < limit;  // false for NaN
    bad |= !fits;
    sum[i] += to_fixed(fits ? gradient[i] : 0.0F);
  }
  return bad == 0;
}

void exact_to_float(float* __restrict to, const std::int64_t* __restrict sum, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) to[i] = static_cast<float>(static_cast<double>(sum[i]) * 0x1p-44);
}

double squared_norm(const float* values, std::size_t n) {
  constexpr std::size_t kSums = 8;
  double sums[kSums] = {};
  std::size_t i = 0;
  for (; i + kSums <= n; i += kSums)
    for (std::size_t k = 0; k < kSums; ++k) {
      const double value = static_cast<double>(values[i + k]);
      sums[k] += value * value;
    }
  for (; i < n; ++i) sums[i % kSums] += static_cast<double>(values[i]) * static_cast<double>(values[i]);
  double sum = 0;
  for (double one : sums) sum += one;
  return sum;
}

}  // namespace convoy::simd::CONVOY_SIMD_ISA
