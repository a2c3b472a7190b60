#pragma once

#include <cstdint>

#include "core/cuda/device_kernel.h"
#include "core/cuda/stream.h"

namespace convoy::cuda {

// The two halves of batch normalisation over [rows, channels], as core/ops.h defines them (BatchMomentsOp).
// Sums are double, in an order that depends on `rows` alone; what is element-wise is float.

/// record = rows, means[C], sums of squared deviations[C].
void channel_moments(const Stream& stream, Storage storage, std::int64_t rows, std::int64_t channels,
                     const void* x, double* record);

/// A channel's constants, in float: x_hat = (x - mean) * scale.
struct ChannelScale {
  float mean = 0, scale = 1;
  float gamma = 1, beta = 0;
  float a = 0, b = 0;  ///< see BatchMomentsOp; backward only
};
/// From batch_values (mean[C], variance[C], and with `backward` a[C], b[C]) and the parameters, which may be
/// null.
void channel_scales(const Stream& stream, std::int64_t channels, const double* batch_values, bool backward,
                    double epsilon, const float* gamma, const float* beta, ChannelScale* scales);

/// y = x_hat * gamma + beta
void normalize(const Stream& stream, Storage storage, std::int64_t rows, std::int64_t channels, const void* x,
               const ChannelScale* scales, void* y);
/// record = sums of dy * gamma [C], of dy * gamma * x_hat [C]; the gradients of gamma and beta [C] where not
/// null; dx = dy * gamma where not null.
void normalize_gradient(const Stream& stream, Storage storage, std::int64_t rows, std::int64_t channels,
                        const void* x, const ChannelScale* scales, const void* dy, double* record,
                        float* gamma_gradient, float* beta_gradient, void* dx);
/// dx = (g - a - x_hat * b) * scale
void moments_gradient(const Stream& stream, Storage storage, std::int64_t rows, std::int64_t channels,
                      const void* x, const ChannelScale* scales, const void* g, void* dx);

}  // namespace convoy::cuda
