#pragma once

#include <memory>

#include "core/backend.h"
#include "core/cpu/simd/table.h"

namespace convoy::native {

// One factory an op; all float.
std::unique_ptr<Kernel> make_activation(const Op& op, const simd::Table& loops);
std::unique_ptr<Kernel> make_dropout(const Op& op, const simd::Table& loops);
/// Whether make_pool2d() takes it: a window of at most 256 pixels, without dilation.
bool can_pool(const Pool2dOp& pool);
std::unique_ptr<Kernel> make_pool2d(const Op& op, const simd::Table& loops);
std::unique_ptr<Kernel> make_global_average_pool2d(const Op& op, const simd::Table& loops);
std::unique_ptr<Kernel> make_dense(const Op& op, const simd::Table& loops);
/// A convolution with as many groups as input channels and as filters.
std::unique_ptr<Kernel> make_depthwise_conv2d(const Op& op, const simd::Table& loops);
std::unique_ptr<Kernel> make_batch_moments(const Op& op, const simd::Table& loops);

/// How many leading ops make_normalize() takes as one block: a normalization, and a ReLU that follows it.
std::size_t normalize_ops(std::span<const Op> ops);
std::unique_ptr<Kernel> make_normalize(std::span<const Op> block, const simd::Table& loops);

}  // namespace convoy::native
