#include "layers/step_plan.h"

namespace convoy {

std::int64_t StepPlan::present_slices() const {
  std::int64_t present = 0;
  for (std::int64_t slice = first_slice; slice < last_slice; ++slice) present += slice_samples(slice) > 0;
  return present;
}

}  // namespace convoy
