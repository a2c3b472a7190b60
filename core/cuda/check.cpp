#include "core/cuda/check.h"

#include <cstdio>

#include "core/error.h"

namespace convoy::cuda {

std::string current_device_name() {
  int number = 0;
  return cudaGetDevice(&number) == cudaSuccess ? fmt::format("GPU {}", number) : "the GPU";
}

void check(cudaError_t code, const char* call) {
  if (code == cudaSuccess) return;
  cudaGetLastError();  // which keeps what did no lasting harm: a later check must not find it
  throw DeviceError("CUDA failed on {}: {} ({}), in {}", current_device_name(), cudaGetErrorString(code),
                    cudaGetErrorName(code), call);
}

void check_quietly(cudaError_t code, const char* call) noexcept {
  if (code == cudaSuccess) return;
  cudaGetLastError();
  std::fprintf(stderr, "convoy: CUDA failed: %s (%s), in %s\n", cudaGetErrorString(code),
               cudaGetErrorName(code), call);
}

}  // namespace convoy::cuda
