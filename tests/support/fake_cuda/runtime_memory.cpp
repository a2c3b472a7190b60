// The CUDA runtime's memory and copies.
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>

#include "tests/support/fake_cuda/machine.h"

using namespace convoy::fake_cuda;

namespace {

constexpr int kNonsense = 0xFF;

/// Whether one allocation of pinned memory holds all of it.
bool is_pinned(const State& state, const void* address, std::size_t bytes) {
  auto after = state.pinned.upper_bound(const_cast<void*>(address));
  if (after == state.pinned.begin()) return false;
  const auto& [memory, size] = *--after;
  const auto offset =
      static_cast<std::size_t>(static_cast<const char*>(address) - static_cast<const char*>(memory));
  return offset <= size && bytes <= size - offset;
}

bool is_on(const State& state, int device, const void* address, std::size_t bytes) {
  return state.devices[static_cast<std::size_t>(device)]->contains(address, bytes);
}

/// Empty where a copy between such memory is one that CUDA takes, and does asynchronously.
std::string fault_of_copy(const State& state, int device, void* to, const void* from, std::size_t bytes,
                          cudaMemcpyKind kind) {
  const bool from_host = kind == cudaMemcpyHostToDevice, to_host = kind == cudaMemcpyDeviceToHost;
  if (!from_host && !to_host && kind != cudaMemcpyDeviceToDevice) return "of a kind that is not used here";
  if (from_host && !is_pinned(state, from, bytes)) return "from memory that is not pinned";
  if (to_host && !is_pinned(state, to, bytes)) return "to memory that is not pinned";
  if (!from_host && !is_on(state, device, from, bytes)) return "from outside the device's memory";
  if (!to_host && !is_on(state, device, to, bytes)) return "to outside the device's memory";
  return "";
}

Node copy_node(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  Node node;
  node.name = kind == cudaMemcpyHostToDevice   ? "copy to device"
              : kind == cudaMemcpyDeviceToHost ? "copy to host"
                                               : "copy on device";
  if (kind == cudaMemcpyDeviceToHost) node.prepare = [=] { std::memset(to, kNonsense, bytes); };
  node.run = [=] { std::memmove(to, from, bytes); };
  return node;
}

}  // namespace

cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
  return call("cudaMalloc", [&](State& state) {
    if (breaks_capture()) return cudaErrorStreamCaptureUnsupported;
    *memory = state.devices[static_cast<std::size_t>(current_device())]->allocate(bytes);
    if (!*memory) return cudaErrorMemoryAllocation;
    acquired("cudaMalloc", *memory);
    return cudaSuccess;
  });
}

cudaError_t cudaFree(void* memory) {
  return call_always("cudaFree", [&](State& state, bool) {
    if (!memory) return cudaSuccess;
    if (breaks_capture()) return cudaErrorStreamCaptureUnsupported;
    if (!released("cudaMalloc", memory)) return cudaErrorInvalidValue;
    for (std::size_t device = 0; device < state.devices.size(); ++device) {
      if (!state.devices[device]->contains(memory, 0)) continue;
      finish_device(state, static_cast<int>(device));  // as CUDA does
      const std::string fault = state.devices[device]->release(memory);
      if (!fault.empty()) state.complain("device memory " + fault);
    }
    return state.broken;
  });
}

cudaError_t cudaMallocHost(void** memory, std::size_t bytes) {
  return call("cudaMallocHost", [&](State& state) {
    if (breaks_capture()) return cudaErrorStreamCaptureUnsupported;
    *memory = std::malloc(bytes);
    std::memset(*memory, kNonsense, bytes);
    state.pinned[*memory] = bytes;
    acquired("cudaMallocHost", *memory);
    return cudaSuccess;
  });
}

cudaError_t cudaFreeHost(void* memory) {
  return call_always("cudaFreeHost", [&](State& state, bool) {
    if (!memory) return cudaSuccess;
    if (breaks_capture()) return cudaErrorStreamCaptureUnsupported;
    if (!released("cudaMallocHost", memory)) return cudaErrorInvalidValue;
    for (int device = 0; device < state.options.devices; ++device) finish_device(state, device);
    state.pinned.erase(memory);
    std::free(memory);
    return state.broken;
  });
}

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* all) {
  return call("cudaMemGetInfo", [&](State& state) {
    const auto& arena = *state.devices[static_cast<std::size_t>(current_device())];
    *free = arena.free_bytes();
    *all = arena.capacity();
    return cudaSuccess;
  });
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  return call("cudaMemcpyAsync", [&](State& state) {
    const cudaStream_t found = find_stream(state, stream);
    if (!found) return cudaErrorInvalidResourceHandle;
    const std::string fault = fault_of_copy(state, found->device, to, from, bytes, kind);
    if (!fault.empty()) return reject(cudaErrorInvalidValue, "cudaMemcpyAsync " + fault);
    return queue_work(state, found, copy_node(to, from, bytes, kind));
  });
}

cudaError_t cudaMemsetAsync(void* memory, int value, std::size_t bytes, cudaStream_t stream) {
  return call("cudaMemsetAsync", [&](State& state) {
    const cudaStream_t found = find_stream(state, stream);
    if (!found) return cudaErrorInvalidResourceHandle;
    if (!is_on(state, found->device, memory, bytes))
      return reject(cudaErrorInvalidValue, "cudaMemsetAsync outside the device's memory");
    Node node;
    node.name = "fill";
    node.run = [=] { std::memset(memory, value, bytes); };
    return queue_work(state, found, std::move(node));
  });
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  return call("cudaMemcpy", [&](State& state) {
    if (breaks_capture()) return cudaErrorStreamCaptureImplicit;
    const cudaStream_t stream = find_stream(state, nullptr);
    const bool to_device = kind == cudaMemcpyHostToDevice;
    if (!to_device && kind != cudaMemcpyDeviceToHost)
      return reject(cudaErrorInvalidValue, "cudaMemcpy of a kind that is not used here");
    if (!is_on(state, stream->device, to_device ? to : from, bytes))
      return reject(cudaErrorInvalidValue, "cudaMemcpy outside the device's memory");
    if (to_device) {  // returns once the source is read: the device may get it later
      Node node;
      node.name = "copy to device";
      const auto* begin = static_cast<const char*>(from);
      node.run = [to, staged = std::string(begin, bytes)] { std::memcpy(to, staged.data(), staged.size()); };
      return queue_work(state, stream, std::move(node));
    }
    const cudaError_t code = queue_work(state, stream, copy_node(to, from, bytes, kind));
    return code == cudaSuccess ? finish(state, stream->last) : code;
  });
}
