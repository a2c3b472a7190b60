#pragma once

#include <cstdint>

#include "core/cuda/device_kernel.h"
#include "core/cuda/step_state.h"
#include "core/cuda/stream.h"

namespace convoy::cuda {

// Updates of a contiguous range of n parameters, with the formulas and the bits of
// core/cpu/simd/optimizer.cpp. Rates come from StepValues, the factor of clipping from StepState, whose
// bad_weights becomes 1 where a new weight is not finite. What is new may not overlap what it is made from.

struct UpdateArgs {
  std::int64_t n = 0;
  const StepValues* step = nullptr;
  StepState* state = nullptr;
  const float* gradient = nullptr;
  const float* weights = nullptr;
  float* new_weights = nullptr;
  const float* slots[2] = {};  ///< Adam: momentum, velocity; SGD with momentum: velocity
  float* new_slots[2] = {};
};

/// With StepValues::decay not 0, AdamW.
void update_adam(const Stream& stream, const UpdateArgs& args, float beta_1_complement,
                 float beta_2_complement, float epsilon);
/// Without a slot: plain descent.
void update_sgd(const Stream& stream, const UpdateArgs& args, float momentum, bool nesterov);

/// Unless state->refused: to[i] = from[i].
void commit(const Stream& stream, const StepState* state, float* to, const float* from, std::int64_t n);

/// state->bad_weights = 1 where one of values[0], …, values[n - 1] is not finite.
void require_finite(const Stream& stream, StepState* state, const float* values, std::int64_t n);

}  // namespace convoy::cuda
