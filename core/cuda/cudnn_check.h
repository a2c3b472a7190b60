#pragma once

#include <cudnn.h>

namespace convoy::cuda {

/// Throws DeviceError where a call of cuDNN has failed: the call, the device at work, and cuDNN's own words.
void check(cudnnStatus_t status, const char* call);

/// The same where nothing may be thrown: writes one line to stderr.
void check_quietly(cudnnStatus_t status, const char* call) noexcept;

}  // namespace convoy::cuda

/// Calls a function of cuDNN: CONVOY_CUDNN_CALL(cudnnSetStream(handle, stream)).
#define CONVOY_CUDNN_CALL(call) ::convoy::cuda::check((call), #call)
