#include "core/cpu/simd/functions.h"

// Additions, products, quotients and square roots are rounded exactly and never fused here: every instruction
// set gives the same bits.

namespace convoy::simd::CONVOY_SIMD_ISA {

void adam(const AdamArgs& args) {
  const AdamArgs a = args;
#pragma GCC ivdep
  for (std::size_t i = 0; i < a.n; ++i) {
    const float g = a.gradient[i] * a.gradient_scale;
    const float m = a.momentum[i] + (g - a.momentum[i]) * a.one_minus_beta_1;
    const float v = a.velocity[i] + (g * g - a.velocity[i]) * a.one_minus_beta_2;
    const float w = a.weights[i] - a.weights[i] * a.decay;
    a.new_momentum[i] = m;
    a.new_velocity[i] = v;
    a.new_weights[i] = w - m * a.alpha / (__builtin_sqrtf(v) + a.epsilon);
  }
}

void sgd(const SgdArgs& args) {
  const SgdArgs a = args;
  if (!a.velocity) {
#pragma GCC ivdep
    for (std::size_t i = 0; i < a.n; ++i)
      a.new_weights[i] = a.weights[i] - a.gradient[i] * a.gradient_scale * a.learning_rate;
    return;
  }
#pragma GCC ivdep
  for (std::size_t i = 0; i < a.n; ++i) {
    const float step = a.gradient[i] * a.gradient_scale * a.learning_rate;
    const float v = a.momentum * a.velocity[i] - step;
    a.new_velocity[i] = v;
    a.new_weights[i] = a.weights[i] + (a.nesterov ? a.momentum * v - step : v);
  }
}

}  // namespace convoy::simd::CONVOY_SIMD_ISA
