#pragma once

#include <cstdint>

#include "core/cuda/device_kernel.h"
#include "core/cuda/stream.h"
#include "core/ops.h"

namespace convoy::cuda {

/// to = from of n samples with the draws of DropoutOp, for the step that `step` says: zero, or scaled.
void drop_out(const Stream& stream, Storage storage, const Op& op, std::int64_t samples,
              const StepValues* step, std::int64_t first_position, const void* from, void* to);

}  // namespace convoy::cuda
