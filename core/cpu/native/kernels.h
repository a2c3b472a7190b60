#pragma once

#include <memory>

#include "core/backend.h"
#include "core/cpu/simd/table.h"

namespace convoy::native {

// One factory an op; all float.
std::unique_ptr<Kernel> make_relu(const Op& op, const simd::Table& loops);
/// A window of at most 256 pixels.
std::unique_ptr<Kernel> make_max_pool2d(const Op& op, const simd::Table& loops);
std::unique_ptr<Kernel> make_dense(const Op& op, const simd::Table& loops);

}  // namespace convoy::native
