// A stand-in for cuBLAS: one kind of product, by plain loops. It takes what the real one takes where that
// must give the same bits each time: no atomics, and a workspace that the caller has set behind the stream.
#include <cstdio>
#include <cublas_v2.h>

#include "tests/support/fake_cuda/elements.h"

using namespace convoy::fake_cuda;

struct cublasContext {
  cudaStream_t stream = nullptr;
  void* workspace = nullptr;
  std::size_t workspace_bytes = 0;
  cublasAtomicsMode_t atomics = CUBLAS_ATOMICS_ALLOWED;
};

namespace {

cublasStatus_t reject(const char* why) {
  std::fprintf(stderr, "fake cuBLAS rejects a call: %s\n", why);
  return CUBLAS_STATUS_NOT_SUPPORTED;
}

/// Column by column; `leading` elements from one column to the next.
struct Operand {
  Elements values;
  std::int64_t leading;
  bool transposed;

  float at(std::int64_t row, std::int64_t column) const {
    return transposed ? values[column + row * leading] : values[row + column * leading];
  }
};

bool takes(cudaDataType factors, cudaDataType result, cublasComputeType_t compute) {
  if (factors == CUDA_R_32F)
    return result == CUDA_R_32F &&
           (compute == CUBLAS_COMPUTE_32F_PEDANTIC || compute == CUBLAS_COMPUTE_32F_FAST_TF32);
  return factors == CUDA_R_16BF && (result == CUDA_R_16BF || result == CUDA_R_32F) &&
         compute == CUBLAS_COMPUTE_32F;
}

}  // namespace

const char* cublasGetStatusString(cublasStatus_t status) {
  return status == CUBLAS_STATUS_NOT_SUPPORTED ? "not supported" : "an error that the test wants";
}

cublasStatus_t cublasCreate_v2(cublasHandle_t* handle) {
  if (begin_call("cublasCreate") || is_capturing()) return CUBLAS_STATUS_NOT_INITIALIZED;
  *handle = new cublasContext;
  acquired("cublasCreate", *handle);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) {
  const bool fails = begin_call("cublasDestroy");
  if (!released("cublasCreate", handle)) return CUBLAS_STATUS_NOT_INITIALIZED;
  delete handle;
  return fails ? CUBLAS_STATUS_INTERNAL_ERROR : CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream) {
  if (begin_call("cublasSetStream")) return CUBLAS_STATUS_INTERNAL_ERROR;
  *handle = {.stream = stream, .atomics = handle->atomics};  // the workspace is lost, as the manual says
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void* workspace, std::size_t bytes) {
  if (begin_call("cublasSetWorkspace")) return CUBLAS_STATUS_INTERNAL_ERROR;
  if (!is_usable(handle->stream, workspace, bytes)) return reject("a workspace that is not the device's");
  handle->workspace = workspace;
  handle->workspace_bytes = bytes;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetAtomicsMode(cublasHandle_t handle, cublasAtomicsMode_t mode) {
  if (begin_call("cublasSetAtomicsMode")) return CUBLAS_STATUS_INTERNAL_ERROR;
  handle->atomics = mode;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetMathMode(cublasHandle_t, cublasMath_t) {
  return begin_call("cublasSetMathMode") ? CUBLAS_STATUS_INTERNAL_ERROR : CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGemmEx(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb, int m,
                            int n, int k, const void* alpha, const void* a, cudaDataType atype, int lda,
                            const void* b, cudaDataType btype, int ldb, const void* beta, void* c,
                            cudaDataType ctype, int ldc, cublasComputeType_t compute, cublasGemmAlgo_t) {
  if (begin_call("cublasGemmEx")) return CUBLAS_STATUS_EXECUTION_FAILED;
  if (handle->atomics != CUBLAS_ATOMICS_NOT_ALLOWED || handle->workspace_bytes == 0)
    return reject("a product that may give other bits the next time");
  if (atype != btype || !takes(atype, ctype, compute)) return reject("types that it does not take");
  if (*static_cast<const float*>(alpha) != 1 || *static_cast<const float*>(beta) != 0)
    return reject("factors that nothing here uses");
  const bool narrow = atype == CUDA_R_16BF, narrow_result = ctype == CUDA_R_16BF;
  const Operand left{{a, narrow}, lda, transa == CUBLAS_OP_T}, right{{b, narrow}, ldb, transb == CUBLAS_OP_T};
  const Elements result(c, narrow_result);
  const auto bytes = [](std::int64_t leading, std::int64_t columns, std::size_t width) {
    return static_cast<std::size_t>(leading * columns) * width;
  };
  if (lda < (left.transposed ? k : m) || ldb < (right.transposed ? n : k) || ldc < m)
    return reject("columns that overlap");
  if (!is_usable(handle->stream, a, bytes(lda, left.transposed ? m : k, left.values.width())) ||
      !is_usable(handle->stream, b, bytes(ldb, right.transposed ? k : n, right.values.width())) ||
      !is_usable(handle->stream, c, bytes(ldc, n, result.width())))
    return reject("memory that is not the device's, or not aligned");
  const auto work = [=] {
    for (std::int64_t column = 0; column < n; ++column)
      for (std::int64_t row = 0; row < m; ++row) {
        float sum = 0;
        for (std::int64_t i = 0; i < k; ++i) sum += left.at(row, i) * right.at(i, column);
        result.set(row + column * ldc, sum);
      }
  };
  return enqueue(handle->stream, "cublasGemmEx", work) == cudaSuccess ? CUBLAS_STATUS_SUCCESS
                                                                      : CUBLAS_STATUS_EXECUTION_FAILED;
}
