#include "core/cuda/device.h"

namespace convoy::cuda {

Availability availability() {
  Availability result;
  result.absence = "this binary was built without CUDA";
  return result;
}

}  // namespace convoy::cuda
