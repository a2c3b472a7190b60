#pragma once

#include <cstdint>

#include "core/cuda/stream.h"

namespace convoy::cuda {

/// sums[i] += llrint(gradient[i] * 2^44), atomically: slices may be added from several streams at once, in
/// any order. Where an element is not below `limit` (GradientSink::limit), or not a number, *bad_block
/// becomes at least block + 1 and the sums mean nothing.
void add_exact(const Stream& stream, std::int64_t* sums, const float* gradient, std::int64_t n, float limit,
               std::int32_t block, std::int32_t* bad_block);

/// to[i] = sums[i] * 2^-44, rounded as the CPU's loops do.
void exact_to_float(const Stream& stream, float* to, const std::int64_t* sums, std::int64_t n);

}  // namespace convoy::cuda
