#include "core/cuda/libraries.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>

#include "core/cuda/check.h"
#include "core/cuda/cublas_check.h"
#include "core/cuda/cudnn_check.h"
#include "core/error.h"

namespace convoy::cuda {

namespace {

/// What cuDNN says of its last failure, behind a colon; nothing where it says nothing.
std::string cudnn_words() {
  std::array<char, 512> text = {};
  cudnnGetLastErrorString(text.data(), text.size());
  text.back() = '\0';
  std::string words = text.data();
  std::replace(words.begin(), words.end(), '\n', ' ');
  return words.empty() ? words : ": " + words;
}

}  // namespace

void check(cudnnStatus_t status, const char* call) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  throw DeviceError("cuDNN failed on {}: {}{}, in {}", current_device_name(), cudnnGetErrorString(status),
                    cudnn_words(), call);
}

void check_quietly(cudnnStatus_t status, const char* call) noexcept {
  if (status == CUDNN_STATUS_SUCCESS) return;
  std::fprintf(stderr, "convoy: cuDNN failed: %s, in %s\n", cudnnGetErrorString(status), call);
}

void check(cublasStatus_t status, const char* call) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw DeviceError("cuBLAS failed on {}: {}, in {}", current_device_name(), cublasGetStatusString(status),
                    call);
}

void check_quietly(cublasStatus_t status, const char* call) noexcept {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  std::fprintf(stderr, "convoy: cuBLAS failed: %s, in %s\n", cublasGetStatusString(status), call);
}

Libraries::Libraries(Float32Products products, std::size_t workspace_bytes)
    : products_(products), workspace_bytes_(workspace_bytes), cudnn_(make_cudnn()) {}

Libraries::Cudnn Libraries::make_cudnn() {
  cudnnHandle_t handle = nullptr;
  CONVOY_CUDNN_CALL(cudnnCreate(&handle));
  return Cudnn(handle);
}

Libraries::Handles Libraries::make_handles() const {
  Handles made;
  made.cublas_workspace = DeviceMemory(workspace_bytes_);
  cublasHandle_t cublas = nullptr;
  CONVOY_CUBLAS_CALL(cublasCreate(&cublas));
  made.cublas = Cublas(cublas);
  CONVOY_CUBLAS_CALL(cublasSetAtomicsMode(cublas, CUBLAS_ATOMICS_NOT_ALLOWED));
  // A product of bfloat16 factors that is split into parts adds them up in float32.
  CONVOY_CUBLAS_CALL(cublasSetMathMode(cublas, CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION));
  made.cudnn = make_cudnn();
  return made;
}

void Libraries::open(const Stream& stream) {
  auto found = handles_.find(stream.get());
  if (found == handles_.end()) found = handles_.emplace(stream.get(), make_handles()).first;
  const Handles& handles = found->second;
  CONVOY_CUDNN_CALL(cudnnSetStream(handles.cudnn.get(), stream.get()));
  // The workspace comes after the stream: to set a stream takes cuBLAS back to a workspace of its own.
  CONVOY_CUBLAS_CALL(cublasSetStream(handles.cublas.get(), stream.get()));
  CONVOY_CUBLAS_CALL(cublasSetWorkspace(handles.cublas.get(), handles.cublas_workspace.data(),
                                        handles.cublas_workspace.size()));
}

const Libraries::Handles& Libraries::handles_of(const Stream& stream) const {
  const auto found = handles_.find(stream.get());
  require(found != handles_.end(), "cuDNN and cuBLAS were not opened for a stream");
  return found->second;
}

cudnnMathType_t Libraries::cudnn_math(Storage storage) const {
  if (storage == Storage::bfloat16) return CUDNN_TENSOR_OP_MATH;
  return products_ == Float32Products::tf32 ? CUDNN_DEFAULT_MATH : CUDNN_FMA_MATH;
}

cublasComputeType_t Libraries::cublas_compute_type(Storage storage) const {
  if (storage == Storage::bfloat16) return CUBLAS_COMPUTE_32F;
  // Pedantic: no environment variable makes cuBLAS emulate float32 behind our back.
  return products_ == Float32Products::tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F_PEDANTIC;
}

void Libraries::destroy_cudnn(cudnnHandle_t handle) noexcept {
  check_quietly(cudnnDestroy(handle), "cudnnDestroy");
}

void Libraries::destroy_cublas(cublasHandle_t handle) noexcept {
  check_quietly(cublasDestroy(handle), "cublasDestroy");
}

}  // namespace convoy::cuda
