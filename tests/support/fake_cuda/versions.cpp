// What the libraries' stand-ins say of themselves.
#include <cublas_v2.h>
#include <cudnn.h>
#include <nccl.h>

namespace {

int one_of(libraryPropertyType which, int major, int minor, int patch) {
  return which == MAJOR_VERSION ? major : which == MINOR_VERSION ? minor : patch;
}

}  // namespace

cublasStatus_t cublasGetProperty(libraryPropertyType which, int* value) {
  *value = one_of(which, CUBLAS_VER_MAJOR, CUBLAS_VER_MINOR, CUBLAS_VER_PATCH);
  return CUBLAS_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetProperty(libraryPropertyType which, int* value) {
  *value = one_of(which, CUDNN_MAJOR, CUDNN_MINOR, CUDNN_PATCHLEVEL);
  return CUDNN_STATUS_SUCCESS;
}

ncclResult_t ncclGetVersion(int* version) {
  *version = NCCL_VERSION_CODE;
  return ncclSuccess;
}
