#pragma once

#include "core/cpu/simd/table.h"
#include "core/cpu/simd/vector.h"

// The two halves of 3x3 convolutions of stride 1 under a ReLU and a maximum over 2x2 windows; see
// PooledConvolution.

namespace convoy::simd::CONVOY_SIMD_ISA::pooled {

using Args = PooledConvolutionArgs;

/// Elements of a row of the padded picture.
static CONVOY_INLINE std::int64_t row_elements(const Args& a) {
  return (2 * a.pooled_width + 2) * a.channels;
}
/// Of the padded picture. Rows of a narrow window are read and written in whole vectors, so there is room
/// behind it.
static CONVOY_INLINE std::int64_t image_elements(const Args& a) {
  return (2 * a.pooled_height + 2) * row_elements(a) + 2 * kLanes;
}
/// Whether there are too few input channels to fill vectors: a row of the window, 3 * channels values, does
/// then.
static CONVOY_INLINE bool is_narrow(const Args& a) { return a.channels % kLanes != 0; }
/// Vectors that hold a row of a narrow window.
static CONVOY_INLINE std::int64_t row_vectors(const Args& a) {
  return (3 * a.channels + kLanes - 1) / kLanes;
}
/// Elements of one filter's gradient: [9, channels], or [3, row_vectors() * kLanes] of a narrow window.
static CONVOY_INLINE std::int64_t window_elements(const Args& a) {
  return is_narrow(a) ? 3 * row_vectors(a) * kLanes : 9 * a.channels;
}

// As PooledConvolution's members of these names; the packing and the sizes are those of one half each.

std::int64_t forward_workspace(const Args& a);
void pack_forward(const Args& a, const float* kernel, float* packed);
void forward(const Args& a, const float* image, const float* weights, const float* bias, float* workspace,
             float* y, std::uint8_t* position);

std::int64_t backward_workspace(const Args& a);
void pack_backward(const Args& a, const float* kernel, float* packed);
void backward(const Args& a, const PooledConvolutionGradients& gradients, const float* image,
              const float* weights, bool first, float* workspace);
void finish(const Args& a, const float* gradient, float* dkernel);

}  // namespace convoy::simd::CONVOY_SIMD_ISA::pooled
