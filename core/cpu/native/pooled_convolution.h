#pragma once

#include <memory>
#include <span>

#include "core/backend.h"
#include "core/cpu/simd/table.h"

namespace convoy::native {

/// Whether the ops begin with a 3x3 convolution of stride 1, a ReLU and a 2x2 maximum pooling that
/// make_pooled_convolution() takes with these loops.
bool is_pooled_convolution(std::span<const Op> ops, const simd::Table& loops);

/// A float kernel for conv2d + relu + max_pool2d in one: Winograd's convolution forward, and backward only
/// what the ReLU and the pooling let through (core/cpu/simd/pooled_convolution.h).
std::unique_ptr<Kernel> make_pooled_convolution(std::span<const Op> block, const simd::Table& loops);

}  // namespace convoy::native
