#pragma once

#include <cstdint>
#include <span>

namespace convoy {

// How the slices' records of a batch normalization (core/ops.h) become the values of the whole batch. Records
// are taken in the order given, in double, so that every rank computes the same bits.

/// Width of a BatchMomentsOp's record for C channels.
constexpr std::int64_t moments_width(std::int64_t channels) { return 1 + 2 * channels; }

/// `records` of moments_width(C) doubles each, those of absent slices all zero; writes mean[C], then
/// variance[C] (biased, as Keras). Chan, Golub, LeVeque: "Updating Formulae and a Pairwise Algorithm for
/// Computing Sample Variances" (1979).
void combine_moments(std::span<const double> records, std::int64_t channels,
                     std::span<double> mean_and_variance);

/// `records` of 2 * C doubles each; writes their sums divided by `count`.
void combine_gradient_sums(std::span<const double> records, std::int64_t channels, double count,
                           std::span<double> means);

/// moving = momentum * moving + (1 - momentum) * value, element by element.
void update_moving(std::span<const float> moving, std::span<const double> value, double momentum,
                   std::span<float> updated);

}  // namespace convoy
