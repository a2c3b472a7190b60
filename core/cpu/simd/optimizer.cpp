#include "core/cpu/simd/functions.h"
#include "core/cpu/simd/vector.h"

// Additions, products, quotients and square roots are rounded exactly and never fused here: every instruction
// set gives the same bits.

namespace convoy::simd::CONVOY_SIMD_ISA {

/// The sign bit is set for infinities and NaNs alone, so that an `or` finds one among many.
static CONVOY_INLINE std::uint32_t not_finite(float value) {
  return (__builtin_bit_cast(std::uint32_t, value) & 0x7fffffffU) + 0x00800000U;
}
static constexpr std::uint32_t kSign = 0x80000000U;

bool adam(const AdamArgs& args) {
  const AdamArgs a = args;
  std::uint32_t bad = 0;
#pragma GCC ivdep
  for (std::size_t i = 0; i < a.n; ++i) {
    const float g = a.gradient[i] * a.gradient_scale;
    const float m = a.momentum[i] + (g - a.momentum[i]) * a.one_minus_beta_1;
    const float v = a.velocity[i] + (g * g - a.velocity[i]) * a.one_minus_beta_2;
    const float w = a.weights[i] - a.weights[i] * a.decay;
    const float updated = w - m * a.alpha / (__builtin_sqrtf(v) + a.epsilon);
    a.new_momentum[i] = m;
    a.new_velocity[i] = v;
    a.new_weights[i] = updated;
    bad |= not_finite(updated);
  }
  return !(bad & kSign);
}

bool sgd(const SgdArgs& args) {
  const SgdArgs a = args;
  std::uint32_t bad = 0;
  if (!a.velocity) {
#pragma GCC ivdep
    for (std::size_t i = 0; i < a.n; ++i) {
      const float updated = a.weights[i] - a.gradient[i] * a.gradient_scale * a.learning_rate;
      a.new_weights[i] = updated;
      bad |= not_finite(updated);
    }
    return !(bad & kSign);
  }
#pragma GCC ivdep
  for (std::size_t i = 0; i < a.n; ++i) {
    const float step = a.gradient[i] * a.gradient_scale * a.learning_rate;
    const float v = a.momentum * a.velocity[i] - step;
    const float updated = a.weights[i] + (a.nesterov ? a.momentum * v - step : v);
    a.new_velocity[i] = v;
    a.new_weights[i] = updated;
    bad |= not_finite(updated);
  }
  return !(bad & kSign);
}

}  // namespace convoy::simd::CONVOY_SIMD_ISA
