#pragma once

#include "core/cuda/device.h"

namespace convoy::cuda {

/// The CUDA backend, which lies in a file of its own, libconvoy_cuda.so: cuBLAS, cuDNN and NCCL take tens of
/// milliseconds and 200 MiB to load, which only runs on GPUs should pay. Needs no CUDA headers.
class Module {
 public:
  virtual ~Module() = default;
  virtual Availability availability() const = 0;
};

/// Opens libconvoy_cuda.so, once; it stays open. It is looked for beside the program and where it is
/// installed. Throws DeviceError that says why where it cannot be opened, or this binary was built without.
const Module& module();

}  // namespace convoy::cuda

/// What libconvoy_cuda.so is entered by. Null where it was built from another module.h than the caller, whose
/// `version` tells that.
extern "C" const convoy::cuda::Module* convoy_cuda_module(const char* version);
