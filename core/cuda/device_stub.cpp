#include "core/cuda/module.h"
#include "core/error.h"

namespace convoy::cuda {
namespace {

constexpr const char* kAbsence = "this binary was built without CUDA";

}  // namespace

Availability availability() {
  Availability result;
  result.absence = kAbsence;
  return result;
}

const Module& module() { throw DeviceError("{}", kAbsence); }

}  // namespace convoy::cuda
