#pragma once

#include "core/cpu/simd/table.h"
#include "core/cpu/simd/vector.h"

// 3x3 convolutions of stride 1 under a ReLU and a maximum over 2x2 windows; see PooledConvolution. An image
// is the input with its padding, [blocks of channels, rows, columns, block]; with few channels a block is one
// of them, else as many vectors as backward's loops hold sums for.

namespace convoy::simd::CONVOY_SIMD_ISA::pooled {

using Args = PooledConvolutionArgs;
using Gradients = PooledConvolutionGradients;

/// Whether there are too few input channels to fill vectors.
static CONVOY_INLINE bool is_narrow(const Args& a) { return a.channels <= 4; }
/// Vectors that the input channels fill, the last one perhaps in part.
static CONVOY_INLINE std::int64_t channel_vectors(const Args& a) {
  return (a.channels + kLanes - 1) / kLanes;
}
/// Vectors of a block: with two, 18 sums and their operands fit 32 registers.
static CONVOY_INLINE int block_vectors(const Args& a) {
  return kVectorBytes == 64 && channel_vectors(a) % 2 == 0 ? 2 : 1;
}
static CONVOY_INLINE std::int64_t block_channels(const Args& a) {
  return is_narrow(a) ? 1 : block_vectors(a) * kLanes;
}
static CONVOY_INLINE std::int64_t image_blocks(const Args& a) {
  return is_narrow(a) ? a.channels : channel_vectors(a) / block_vectors(a);
}
static CONVOY_INLINE std::int64_t image_rows(const Args& a) { return 2 * a.pooled_height + 2; }
static CONVOY_INLINE std::int64_t image_columns(const Args& a) { return 2 * a.pooled_width + 2; }
/// Elements of a row of a block.
static CONVOY_INLINE std::int64_t row_elements(const Args& a) { return image_columns(a) * block_channels(a); }
static CONVOY_INLINE std::int64_t block_elements(const Args& a) { return image_rows(a) * row_elements(a); }
/// Whole vectors, with room for reading two columns beyond the last row.
static CONVOY_INLINE std::int64_t image_elements(const Args& a) {
  return (image_blocks(a) * block_elements(a) + 2 + kLanes - 1) / kLanes * kLanes;
}
static CONVOY_INLINE std::int64_t smaller(std::int64_t a, std::int64_t b) { return a < b ? a : b; }
static CONVOY_INLINE std::int64_t input_elements(const Args& a) { return a.height * a.width * a.channels; }
static CONVOY_INLINE std::int64_t windows(const Args& a) { return a.pooled_height * a.pooled_width; }

/// As many of a pixel's channels as there are from the first one on, zero behind them.
static CONVOY_INLINE Floats load_channels(const float* from, std::int64_t count) {
  return count >= kLanes ? load(from) : count <= 0 ? Floats{} : load_first(from, static_cast<int>(count));
}

static CONVOY_INLINE void store_channels(float* to, Floats values, std::int64_t count) {
  count >= kLanes ? store(to, values) : store_first(to, values, static_cast<int>(count));
}

/// The larger of two values and its place; the second if one of them is NaN.
static CONVOY_INLINE void take_larger(Floats& best, Ints& place, Floats value, int at) {
  place = value <= best ? place : Ints{} + at;
  best = best > value ? best : value;
}

/// The position of a maximum that the ReLU cut.
inline constexpr int kCut = 4;

/// What follows the convolution of a window's pixels a, b, c, d: the maximum, the first of equal ones, and
/// the ReLU. NaN wins.
static CONVOY_INLINE void pool(Floats a, Floats b, Floats c, Floats d, Floats bias, float* y,
                               std::uint8_t* position) {
  Floats best = a;
  Ints place = {};
  take_larger(best, place, b, 1);
  take_larger(best, place, c, 2);
  take_larger(best, place, d, 3);
  best = nan_where_unordered(nan_where_unordered(best, a, b), c, d) + bias;
  store(y, best < Floats{} ? Floats{} : best);
  if (position) store_bytes(position, best > Floats{} ? place : Ints{} + kCut);
}

/// Whether forward's products take two vectors of filters at a time.
static CONVOY_INLINE bool takes_pairs(const Args& a) { return a.filters % (2 * kLanes) == 0; }

void pad(const Args& a, const float* x, float* image);

// Forward, as PooledConvolution's members of these names: Winograd's and, for few channels, the direct one.
std::int64_t winograd_weights(const Args& a);
std::int64_t winograd_workspace(const Args& a);
void pack_winograd(const Args& a, const float* kernel, float* packed);
void forward_winograd(const Args& a, std::int64_t samples, const float* x, const float* weights,
                      const float* bias, float* workspace, float* y, std::uint8_t* position);
void pack_direct(const Args& a, const float* kernel, float* packed);
void forward_direct(const Args& a, std::int64_t samples, const float* x, const float* weights,
                    const float* bias, float* image, float* y, std::uint8_t* position);

// Backward: at most one of a window's four gradients is not zero, and none where the ReLU cut; only these are
// multiplied. The weight gradients write dkernel and dbias.
std::int64_t weight_gradient_workspace(const Args& a, std::int64_t samples);
void weight_gradient(const Args& a, const Gradients& g, float* workspace);
void weight_gradient_narrow(const Args& a, const Gradients& g, float* image);
void pack_data_gradient(const Args& a, const float* kernel, float* packed);
std::int64_t data_gradient_workspace(const Args& a, std::int64_t samples);
void data_gradient(const Args& a, const Gradients& g, const float* weights, float* workspace);

}  // namespace convoy::simd::CONVOY_SIMD_ISA::pooled
