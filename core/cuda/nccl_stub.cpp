#include "core/cuda/nccl_version.h"

namespace convoy::cuda {

std::string nccl_version() { return {}; }

}  // namespace convoy::cuda
