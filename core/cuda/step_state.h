#pragma once

#include <cstdint>

namespace convoy::cuda {

/// What a step has found so far, in the device's memory. Cleared before each step.
struct StepState {
  std::int32_t bad_block = 0;    ///< one more than the last block whose gradient could not be summed; 0: none
  std::int32_t bad_weights = 0;  ///< 1: the update makes a weight or a statistic that is not finite
  std::int32_t refused = 0;      ///< 1: the step leaves no trace
  float gradient_scale = 1;      ///< of clipping
};

/// The sums over a slice's samples.
struct SliceLoss {
  double loss = 0, correct = 0, top5 = 0;
};

/// What the host reads of a step: sums over the global batch, and why the step left no trace, if so. Equal on
/// all ranks.
struct StepReport {
  SliceLoss sums;
  std::int32_t bad_block = 0, bad_weights = 0, refused = 0;
};

}  // namespace convoy::cuda
