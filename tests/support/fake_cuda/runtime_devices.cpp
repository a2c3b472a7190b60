// The CUDA runtime's devices and errors.
#include <cstdio>
#include <cstring>
#include <utility>

#include "tests/support/fake_cuda/machine.h"

using namespace convoy::fake_cuda;

namespace {

thread_local cudaError_t last_error = cudaSuccess;

struct ErrorText {
  cudaError_t code;
  const char* name;
  const char* text;
};
constexpr ErrorText kErrors[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {cudaErrorInsufficientDriver, "cudaErrorInsufficientDriver",
     "CUDA driver version is insufficient for CUDA runtime version"},
    {cudaErrorNoDevice, "cudaErrorNoDevice", "no CUDA-capable device is detected"},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
    {cudaErrorIllegalState, "cudaErrorIllegalState",
     "the operation cannot be performed in the present state"},
    {cudaErrorNotReady, "cudaErrorNotReady", "device not ready"},
    {cudaErrorLaunchFailure, "cudaErrorLaunchFailure", "unspecified launch failure"},
    {cudaErrorNotSupported, "cudaErrorNotSupported", "operation not supported"},
    {cudaErrorStreamCaptureUnsupported, "cudaErrorStreamCaptureUnsupported",
     "operation not permitted when stream is capturing"},
    {cudaErrorStreamCaptureInvalidated, "cudaErrorStreamCaptureInvalidated",
     "operation failed due to a previous error during capture"},
    {cudaErrorStreamCaptureMerge, "cudaErrorStreamCaptureMerge",
     "operation would result in a merge of separate capture sequences"},
    {cudaErrorStreamCaptureUnmatched, "cudaErrorStreamCaptureUnmatched",
     "capture was not ended in the same stream as it began"},
    {cudaErrorStreamCaptureUnjoined, "cudaErrorStreamCaptureUnjoined", "capturing stream has unjoined work"},
    {cudaErrorStreamCaptureIsolation, "cudaErrorStreamCaptureIsolation",
     "dependency created on uncaptured work in another stream"},
    {cudaErrorStreamCaptureImplicit, "cudaErrorStreamCaptureImplicit",
     "operation would make the legacy stream depend on a capturing blocking stream"},
    {cudaErrorStreamCaptureWrongThread, "cudaErrorStreamCaptureWrongThread",
     "attempt to terminate a thread-local capture sequence from another thread"},
    {cudaErrorCapturedEvent, "cudaErrorCapturedEvent",
     "operation not permitted on an event last recorded in a capturing stream"},
    {cudaErrorUnknown, "cudaErrorUnknown", "unknown error"},
};

const ErrorText& text_of(cudaError_t code) {
  for (const ErrorText& error : kErrors)
    if (error.code == code) return error;
  static constexpr ErrorText kOther = {cudaErrorUnknown, "unrecognized error code",
                                       "unrecognized error code"};
  return kOther;
}

}  // namespace

cudaError_t convoy::fake_cuda::note_error(cudaError_t code) {
  if (code != cudaSuccess) last_error = code;
  return code;
}

cudaError_t cudaGetLastError() { return std::exchange(last_error, cudaSuccess); }
const char* cudaGetErrorString(cudaError_t code) { return text_of(code).text; }
const char* cudaGetErrorName(cudaError_t code) { return text_of(code).name; }

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int* version) {
  const std::unique_lock lock(machine_mutex());
  *version = machine() ? machine()->options.driver : 0;  // as CUDA says it where there is no driver
  return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int* number) {
  return call("cudaGetDeviceCount", [&](State& state) {
    if (state.options.driver < CUDART_VERSION) return cudaErrorInsufficientDriver;
    *number = state.options.devices;
    return *number == 0 ? cudaErrorNoDevice : cudaSuccess;
  });
}

cudaError_t cudaGetDevice(int* device) {
  const std::unique_lock lock(machine_mutex());
  if (!machine()) return cudaErrorInsufficientDriver;
  *device = current_device();
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  return call("cudaSetDevice", [&](State& state) {
    if (device < 0 || device >= state.options.devices) return cudaErrorInvalidDevice;
    current_device() = device;
    return cudaSuccess;
  });
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  return call("cudaGetDeviceProperties", [&](State& state) {
    if (device < 0 || device >= state.options.devices) return cudaErrorInvalidDevice;
    *properties = {};
    std::strcpy(properties->name, "Stand-in GPU");
    properties->totalGlobalMem = state.options.memory_bytes;
    properties->major = 9;
    properties->multiProcessorCount = 132;
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetPCIBusId(char* address, int length, int device) {
  return call("cudaDeviceGetPCIBusId", [&](State& state) {
    if (device < 0 || device >= state.options.devices) return cudaErrorInvalidDevice;
    std::snprintf(address, static_cast<std::size_t>(length), "0000:%02X:00.0", device + 1);
    return cudaSuccess;
  });
}
