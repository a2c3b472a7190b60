#include "core/cuda/check.h"

#include <cstdio>
#include <string>

#include "core/error.h"

namespace convoy::cuda {
namespace {

/// "GPU 1": what the calling thread works with.
std::string current_device() {
  int number = 0;
  return cudaGetDevice(&number) == cudaSuccess ? fmt::format("GPU {}", number) : "the GPU";
}

}  // namespace

void check(cudaError_t code, const char* call) {
  if (code == cudaSuccess) return;
  cudaGetLastError();  // which keeps what did no lasting harm: a later check must not find it
  throw DeviceError("CUDA failed on {}: {} ({}), in {}", current_device(), cudaGetErrorString(code),
                    cudaGetErrorName(code), call);
}

void check_quietly(cudaError_t code, const char* call) noexcept {
  if (code == cudaSuccess) return;
  cudaGetLastError();
  std::fprintf(stderr, "convoy: CUDA failed: %s (%s), in %s\n", cudaGetErrorString(code),
               cudaGetErrorName(code), call);
}

}  // namespace convoy::cuda
