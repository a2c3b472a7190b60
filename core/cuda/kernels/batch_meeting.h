#pragma once

#include <cstdint>

#include "core/cuda/stream.h"

namespace convoy::cuda {

// How the slices' records of a batch normalisation (core/ops.h), one after the other on the device, become
// the values of the whole batch. A thread a channel, which takes the records in their order: the CPU's
// formulas (layers/batch_statistics.h) and its bits. Records of absent slices are all zero.

/// `records`: 1 + 2 * C doubles for each of `slices`; writes mean[C], then variance[C].
void combine_moments(const Stream& stream, const double* records, std::int64_t slices, std::int64_t channels,
                     double* mean_and_variance);

/// `records`: 2 * C doubles each; writes their sums divided by the count of values a channel, that of all of
/// `moments` (the forward records).
void combine_gradient_sums(const Stream& stream, const double* records, const double* moments,
                           std::int64_t slices, std::int64_t channels, double* means);

/// Means and variances of the slices, weighted by their counts: what moves the statistics where each slice
/// has been normalised by its own. `stride`: doubles from one record of moments to the next.
void average_moments(const Stream& stream, const double* records, std::int64_t stride, std::int64_t slices,
                     std::int64_t channels, double* mean_and_variance);

/// moved[c] = momentum * moving[c] + (1 - momentum) * value[c]
void move_statistics(const Stream& stream, std::int64_t channels, double momentum, const double* value,
                     const float* moving, float* moved);

}  // namespace convoy::cuda
