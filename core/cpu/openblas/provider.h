#pragma once

#include <memory>
#include <string>

#include "core/backend.h"

namespace convoy {

/// Convolutions and dense layers as matrix products by OpenBLAS, in float and in double. Sets OpenBLAS to one
/// thread: slices are the parallelism.
std::unique_ptr<Provider> make_openblas_provider();

/// "0.3.21"
std::string openblas_version();
/// The processor whose kernels it chose: "SkylakeX". The environment variable OPENBLAS_CORETYPE decides it
/// before the program starts.
std::string openblas_core();

}  // namespace convoy
