#pragma once

#include <cstdint>

#include "core/cuda/device_kernel.h"
#include "core/cuda/step_state.h"
#include "core/cuda/stream.h"
#include "core/loss.h"

namespace convoy::cuda {

struct DeviceLossArgs {
  std::int64_t samples = 0;
  std::int64_t classes = 0;
  const void* output = nullptr;          ///< [samples, classes] of the storage
  const std::int32_t* labels = nullptr;  ///< [samples]
  double gradient_scale = 0;             ///< 1 / n of the global batch
  void* gradient = nullptr;              ///< [samples, classes] of the storage
  SliceLoss* of_samples = nullptr;       ///< room for one a sample
  SliceLoss* sums = nullptr;             ///< written
};

/// Cross-entropy as on the CPU, its sums in the samples' order: the same bits but for where a float rounds to
/// bfloat16.
void sparse_categorical_crossentropy(const Stream& stream, const SparseCategoricalCrossentropy& loss,
                                     const DeviceLossArgs& args, Storage storage);

}  // namespace convoy::cuda
