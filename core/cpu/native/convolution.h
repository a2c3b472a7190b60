#pragma once

#include <memory>
#include <span>
#include <string>

#include "core/backend.h"
#include "core/cpu/simd/table.h"

namespace convoy::native {

/// How many of the leading ops make_convolution() takes: a convolution that is not grouped, and the ReLU
/// behind it; 0: none.
std::size_t convolution_ops(std::span<const Op> ops);

/// What its forward pass is, for people.
std::string convolution_name(const Op& conv, const simd::Table& loops);

/// A float kernel for conv2d, or conv2d + relu.
std::unique_ptr<Kernel> make_convolution(std::span<const Op> block, const simd::Table& loops);

}  // namespace convoy::native
