#pragma once

#include <cstdint>

#include "core/cuda/step_state.h"
#include "core/cuda/stream.h"

namespace convoy::cuda {

/// Where one rank's part of a norm is measured: elements [begin, end) of the arena.
struct NormBlock {
  std::int64_t begin = 0, end = 0;
};

/// norms[i] = the squared Euclidean norm of the gradient's elements of blocks[i], in double, in the order of
/// the CPU's loops (simd::Table::squared_norm). `blocks` and `norms` lie on the device.
void squared_norms(const Stream& stream, double* norms, const NormBlock* blocks, std::int64_t count,
                   const float* gradient);

/// state->gradient_scale = what the gradient is multiplied with so that its norm, the square root of the sum
/// of all norms[order[i]] in the order of i, does not exceed `clipnorm`; see clip_scale().
void choose_gradient_scale(const Stream& stream, StepState* state, const double* norms,
                           const std::int64_t* order, std::int64_t count, double clipnorm);

}  // namespace convoy::cuda
