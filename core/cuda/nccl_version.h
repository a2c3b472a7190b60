#pragma once

#include <string>

namespace convoy::cuda {

/// "2.27.3". Empty: the CUDA backend was built without NCCL.
std::string nccl_version();

}  // namespace convoy::cuda
