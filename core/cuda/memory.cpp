#include "core/cuda/memory.h"

#include <cstring>
#include <string>

#include "core/cuda/check.h"
#include "core/error.h"

namespace convoy::cuda {
namespace {

double mebibytes(std::size_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

/// "1230.5 of 81000.0 MiB are free", or nothing where CUDA does not say.
std::string free_memory() {
  std::size_t free = 0, all = 0;
  if (cudaMemGetInfo(&free, &all) != cudaSuccess) return "how much is free is not known";
  return fmt::format("{:.1f} of {:.1f} MiB are free", mebibytes(free), mebibytes(all));
}

/// Waits for the default stream: a copy from pageable memory returns once it has read its source, which may
/// be before the device has it.
void finish_copy() { CONVOY_CUDA_CALL(cudaStreamSynchronize(cudaStreamLegacy)); }

}  // namespace

DeviceMemory::DeviceMemory(std::size_t bytes) : size_(bytes) {
  if (bytes == 0) return;
  void* memory = nullptr;
  const cudaError_t code = cudaMalloc(&memory, bytes);
  if (code == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    int device = 0;
    cudaGetDevice(&device);
    throw DeviceError(
        "GPU {} has no room for {:.1f} MiB more: {}; use a smaller train.global_batch_size or more GPUs",
        device, mebibytes(bytes), free_memory());
  }
  check(code, "cudaMalloc");
  memory_ = decltype(memory_)(memory);
}

void DeviceMemory::destroy(void* memory) noexcept { check_quietly(cudaFree(memory), "cudaFree"); }

PinnedMemory::PinnedMemory(std::size_t bytes) : size_(bytes) {
  if (bytes == 0) return;
  void* memory = nullptr;
  const cudaError_t code = cudaMallocHost(&memory, bytes);
  if (code == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    throw DeviceError("the host has no room for {:.1f} MiB of pinned memory", mebibytes(bytes));
  }
  check(code, "cudaMallocHost");
  memory_ = decltype(memory_)(memory);
  std::memset(memory, 0, bytes);
}

void PinnedMemory::destroy(void* memory) noexcept { check_quietly(cudaFreeHost(memory), "cudaFreeHost"); }

std::size_t free_memory_bytes() {
  std::size_t free = 0, all = 0;
  CONVOY_CUDA_CALL(cudaMemGetInfo(&free, &all));
  return free;
}

void copy_to_device(const Stream& stream, void* device, const void* pinned, std::size_t bytes) {
  if (bytes == 0) return;
  CONVOY_CUDA_CALL(cudaMemcpyAsync(device, pinned, bytes, cudaMemcpyHostToDevice, stream.get()));
}

void copy_to_host(const Stream& stream, void* pinned, const void* device, std::size_t bytes) {
  if (bytes == 0) return;
  CONVOY_CUDA_CALL(cudaMemcpyAsync(pinned, device, bytes, cudaMemcpyDeviceToHost, stream.get()));
}

void copy_on_device(const Stream& stream, void* to, const void* from, std::size_t bytes) {
  if (bytes == 0) return;
  CONVOY_CUDA_CALL(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream.get()));
}

void clear(const Stream& stream, void* device, std::size_t bytes) {
  if (bytes == 0) return;
  CONVOY_CUDA_CALL(cudaMemsetAsync(device, 0, bytes, stream.get()));
}

void upload(void* device, std::span<const std::byte> from) {
  if (from.empty()) return;
  CONVOY_CUDA_CALL(cudaMemcpy(device, from.data(), from.size(), cudaMemcpyHostToDevice));
  finish_copy();
}

void download(std::span<std::byte> to, const void* device) {
  if (to.empty()) return;
  CONVOY_CUDA_CALL(cudaMemcpy(to.data(), device, to.size(), cudaMemcpyDeviceToHost));
}

}  // namespace convoy::cuda
