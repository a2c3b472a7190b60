#pragma once

#include <cstdint>

#include "core/cuda/device_kernel.h"
#include "core/cuda/step_state.h"
#include "core/cuda/stream.h"

namespace convoy::cuda {

// How a step's small values become its decisions, alike on every rank.

/// Clears what the last step has found.
void begin_step(const Stream& stream, StepState* state);

/// After the backward pass. `losses`: of all slices of the global batch, in their order (those of absent ones
/// zero); `states`: one a rank. Adds up the losses, and refuses the step where a gradient could not be summed
/// or the loss is not finite.
void conclude(const Stream& stream, const SliceLoss* losses, std::int64_t slices, const StepState* states,
              int ranks, const StepValues* step, StepState* own, StepReport* reports);

/// After the update: refuses the step where some rank has made weights that are not finite.
void settle(const Stream& stream, const StepState* states, int ranks, const StepValues* step, StepState* own,
            StepReport* reports);

}  // namespace convoy::cuda
