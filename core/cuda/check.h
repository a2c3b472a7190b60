#pragma once

#include <cuda_runtime_api.h>
#include <string>

namespace convoy::cuda {

/// Throws DeviceError where a call of the CUDA runtime has failed: the call, the device at work, and CUDA's
/// own words.
void check(cudaError_t code, const char* call);

/// The same where nothing may be thrown: writes one line to stderr.
void check_quietly(cudaError_t code, const char* call) noexcept;

/// "GPU 1": what the calling thread works with.
std::string current_device_name();

}  // namespace convoy::cuda

/// Calls a function of the CUDA runtime: CONVOY_CUDA_CALL(cudaStreamSynchronize(stream)).
#define CONVOY_CUDA_CALL(call) ::convoy::cuda::check((call), #call)
