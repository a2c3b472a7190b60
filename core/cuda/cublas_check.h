#pragma once

#include <cublas_v2.h>

namespace convoy::cuda {

/// Throws DeviceError where a call of cuBLAS has failed: the call, the device at work, and cuBLAS' own words.
void check(cublasStatus_t status, const char* call);

/// The same where nothing may be thrown: writes one line to stderr.
void check_quietly(cublasStatus_t status, const char* call) noexcept;

}  // namespace convoy::cuda

/// Calls a function of cuBLAS: CONVOY_CUBLAS_CALL(cublasSetStream(handle, stream)).
#define CONVOY_CUBLAS_CALL(call) ::convoy::cuda::check((call), #call)
