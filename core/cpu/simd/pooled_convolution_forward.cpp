#include "core/cpu/simd/pooled_convolution.h"

// Forward: Winograd's F(2x2, 3x3) (Lavin and Gray 2016), whose output tile is the pooling window, so that
// bias, maximum and ReLU happen in registers.

#if defined(__AVX2__)

namespace convoy::simd::CONVOY_SIMD_ISA::pooled {

namespace {

/// Tiles of a product that share their loads of weights: as many as the registers hold accumulators for.
constexpr int kTiles = kVectorBytes == 64 ? 8 : 4;

/// B^T d B of one 4x4 tile, for kLanes channels; the results stand `stride` apart.
CONVOY_INLINE void transform_input(const float* tile, std::int64_t row, std::int64_t channels, float* to,
                                   std::int64_t stride) {
  Floats d[16], e[16];
#pragma GCC unroll 16
  for (int k = 0; k < 16; ++k) d[k] = load(tile + (k >> 2) * row + (k & 3) * channels);
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k) {
    e[k] = d[k] - d[8 + k];
    e[4 + k] = d[4 + k] + d[8 + k];
    e[8 + k] = d[8 + k] - d[4 + k];
    e[12 + k] = d[4 + k] - d[12 + k];
  }
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k) {
    const Floats* r = e + 4 * k;
    store(to + (4 * k) * stride, r[0] - r[2]);
    store(to + (4 * k + 1) * stride, r[1] + r[2]);
    store(to + (4 * k + 2) * stride, r[2] - r[1]);
    store(to + (4 * k + 3) * stride, r[1] - r[3]);
  }
}

/// product[t, f] = sum over c of tiles[t, c] * weights[c, f], for kTiles tiles of `width` and kVectors
/// vectors of filters.
template <int kVectors>
CONVOY_INLINE void multiply(const float* tiles, std::int64_t width, std::int64_t channels,
                            const float* weights, float* product) {
  Floats sums[kTiles][kVectors] = {};
#pragma GCC unroll 4
  for (std::int64_t c = 0; c < channels; ++c) {
    Floats w[kVectors];
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) w[v] = load(weights + (c * kVectors + v) * kLanes);
#pragma GCC unroll 8
    for (int t = 0; t < kTiles; ++t) {
      const Floats x = broadcast(tiles[t * width + c]);
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) sums[t][v] = multiply_add(x, w[v], sums[t][v]);
    }
  }
#pragma GCC unroll 8
  for (int t = 0; t < kTiles; ++t)
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) store(product + (t * kVectors + v) * kLanes, sums[t][v]);
}

/// A^T m A of one tile, with what follows it. The 16 products stand `stride` apart.
CONVOY_INLINE void finish_tile(const float* products, std::int64_t stride, Floats bias, float* y,
                               std::uint8_t* position) {
  Floats r[8];
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k) {
    const Floats m1 = load(products + (4 + k) * stride), m2 = load(products + (8 + k) * stride);
    r[k] = load(products + k * stride) + (m1 + m2);
    r[4 + k] = (m1 - m2) - load(products + (12 + k) * stride);
  }
  const Floats a = r[0] + (r[1] + r[2]), b = (r[1] - r[2]) - r[3];
  const Floats c = r[4] + (r[5] + r[6]), d = (r[5] - r[6]) - r[7];
  pool(a, b, c, d, bias, y, position);
}

/// The tiles of all channels, [16, kTiles, channel_vectors * kLanes].
CONVOY_INLINE void transform_tiles(const Args& a, const float* image, std::int64_t first, int count,
                                   float* tiles) {
  const std::int64_t row = row_elements(a), pixel = block_channels(a), width = channel_vectors(a) * kLanes;
  for (int t = 0; t < count; ++t) {
    const float* corner =
        image + 2 * ((first + t) / a.pooled_width) * row + 2 * ((first + t) % a.pooled_width) * pixel;
    for (std::int64_t b = 0; b < image_blocks(a); ++b)
      for (std::int64_t c = 0; c < pixel; c += kLanes)
        transform_input(corner + b * block_elements(a) + c, row, pixel, tiles + t * width + b * pixel + c,
                        kTiles * width);
  }
}

template <int kVectors>
void forward_tiles(const Args& a, const float* image, const float* packed, const float* bias,
                   float* workspace, float* y, std::uint8_t* position) {
  constexpr std::int64_t kBlock = kVectors * kLanes;
  const std::int64_t width = channel_vectors(a) * kLanes;
  float* tiles = workspace;
  float* products = workspace + 16 * kTiles * width;  // [16, kTiles, kBlock]
  for (std::int64_t first = 0; first < windows(a); first += kTiles) {
    const int count = static_cast<int>(smaller(windows(a) - first, kTiles));
    transform_tiles(a, image, first, count, tiles);
    for (std::int64_t f = 0; f < a.filters; f += kBlock) {
      for (std::int64_t k = 0; k < 16; ++k)
        multiply<kVectors>(tiles + k * kTiles * width, width, a.channels,
                           packed + (f * 16 + k * kBlock) * a.channels, products + k * kTiles * kBlock);
      for (int t = 0; t < count; ++t)
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v) {
          const std::int64_t at = f + v * kLanes, place = (first + t) * a.filters + at;
          finish_tile(products + t * kBlock + v * kLanes, kTiles * kBlock, bias ? load(bias + at) : Floats{},
                      y + place, position ? position + place : nullptr);
        }
    }
  }
}

/// G g G^T of 3x3 kernels, for kLanes filters; the 16 results stand `stride` apart.
CONVOY_INLINE void transform_kernel(const float* kernel, std::int64_t step, float* to, std::int64_t stride) {
  const Floats half = broadcast(0.5F);
  Floats g[9], t[12];
#pragma GCC unroll 9
  for (int k = 0; k < 9; ++k) g[k] = load(kernel + k * step);
#pragma GCC unroll 3
  for (int j = 0; j < 3; ++j) {
    const Floats a = half * (g[j] + g[6 + j]), b = half * g[3 + j];
    t[j] = g[j];
    t[3 + j] = a + b;
    t[6 + j] = a - b;
    t[9 + j] = g[6 + j];
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const Floats a = half * (t[3 * i] + t[3 * i + 2]), b = half * t[3 * i + 1];
    store(to + (4 * i) * stride, t[3 * i]);
    store(to + (4 * i + 1) * stride, a + b);
    store(to + (4 * i + 2) * stride, a - b);
    store(to + (4 * i + 3) * stride, t[3 * i + 2]);
  }
}

template <int kVectors>
void pack_blocks(const Args& a, const float* kernel, float* packed) {
  constexpr std::int64_t kBlock = kVectors * kLanes;
  for (std::int64_t f = 0; f < a.filters; f += kLanes)
    for (std::int64_t c = 0; c < a.channels; ++c) {
      const std::int64_t block = f / kBlock * kBlock;
      transform_kernel(kernel + c * a.filters + f, a.channels * a.filters,
                       packed + block * 16 * a.channels + c * kBlock + f - block, a.channels * kBlock);
    }
}

}  // namespace

std::int64_t winograd_workspace(const Args& a) { return 16 * kTiles * (channel_vectors(a) + 2) * kLanes; }

void pack_winograd(const Args& a, const float* kernel, float* packed) {
  takes_pairs(a) ? pack_blocks<2>(a, kernel, packed) : pack_blocks<1>(a, kernel, packed);
}

void forward_winograd(const Args& a, const float* image, const float* weights, const float* bias,
                      float* workspace, float* y, std::uint8_t* position) {
  takes_pairs(a) ? forward_tiles<2>(a, image, weights, bias, workspace, y, position)
                 : forward_tiles<1>(a, image, weights, bias, workspace, y, position);
}

}  // namespace convoy::simd::CONVOY_SIMD_ISA::pooled

#endif
