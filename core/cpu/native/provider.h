#pragma once

#include <memory>

#include "core/backend.h"
#include "core/cpu/simd/table.h"

namespace convoy {

/// Our own vectorised float kernels, on one instruction set's loops.
std::unique_ptr<Provider> make_native_provider(const simd::Table& loops);

}  // namespace convoy
