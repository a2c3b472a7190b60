#include "core/cuda/nccl_version.h"

#include <fmt/format.h>
#include <nccl.h>

namespace convoy::cuda {

std::string nccl_version() {
  int version = 0;
  if (ncclGetVersion(&version) != ncclSuccess) return "of an unknown version";
  return fmt::format("{}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

}  // namespace convoy::cuda
