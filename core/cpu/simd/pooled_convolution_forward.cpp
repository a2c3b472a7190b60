#include "core/cpu/simd/pooled_convolution.h"

// Forward: Winograd's F(2x2, 3x3) (Lavin and Gray 2016), whose output tile is the pooling window, so that
// bias, maximum and ReLU happen in registers; direct where there are few input channels.

#if defined(__AVX2__)

namespace convoy::simd::CONVOY_SIMD_ISA::pooled {

namespace {

/// Tiles of a product that share their loads of weights: as many as the registers hold accumulators for.
constexpr int kTiles = kVectorBytes == 64 ? 8 : 4;

/// The maximum of a window's four values and the first place where it stands; NaN wins.
CONVOY_INLINE void take_larger(Floats& best, Ints& place, Floats value, int at) {
  const Ints larger = (value > best) | (value != value);
  best = larger ? value : best;
  place = larger ? Ints{} + at : place;
}

CONVOY_INLINE void pool(Floats a, Floats b, Floats c, Floats d, Floats bias, float* y,
                        std::uint8_t* position) {
  Ints place = {};
  take_larger(a, place, b, 1);
  take_larger(a, place, c, 2);
  take_larger(a, place, d, 3);
  a += bias;
  store(y, a < Floats{} ? Floats{} : a);
  if (position) store_bytes(position, place);
}

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

/// product[t, f] = sum over c of tiles[t, c] * weights[c, f], for kTiles tiles and kVectors vectors of
/// filters.
template <int kVectors>
CONVOY_INLINE void multiply(const float* tiles, std::int64_t channels, const float* weights, float* product) {
  Floats sums[kTiles][kVectors] = {};
#pragma GCC unroll 4
  for (std::int64_t c = 0; c < channels; ++c) {
    Floats w[kVectors];
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) w[v] = load(weights + (c * kVectors + v) * kLanes);
#pragma GCC unroll 8
    for (int t = 0; t < kTiles; ++t) {
      const Floats x = broadcast(tiles[t * channels + c]);
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

template <int kVectors>
void forward_tiles(const Args& a, const float* image, const float* packed, const float* bias,
                   float* workspace, float* y, std::uint8_t* position) {
  constexpr std::int64_t kBlock = kVectors * kLanes;
  const std::int64_t pixels = a.pooled_height * a.pooled_width, row = row_elements(a);
  float* tiles = workspace;                                // [16, kTiles, channels]
  float* products = workspace + 16 * kTiles * a.channels;  // [16, kTiles, kBlock]
  for (std::int64_t first = 0; first < pixels; first += kTiles) {
    const int count = static_cast<int>(pixels - first < kTiles ? pixels - first : kTiles);
    for (int t = 0; t < count; ++t) {
      const float* tile =
          image + 2 * ((first + t) / a.pooled_width) * row + 2 * ((first + t) % a.pooled_width) * a.channels;
      for (std::int64_t c = 0; c < a.channels; c += kLanes)
        transform_input(tile + c, row, a.channels, tiles + t * a.channels + c, kTiles * a.channels);
    }
    for (std::int64_t f = 0; f < a.filters; f += kBlock) {
      for (std::int64_t k = 0; k < 16; ++k)
        multiply<kVectors>(tiles + k * kTiles * a.channels, a.channels,
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

/// Direct convolution of one row of windows' pixels, for few input channels: each step takes one of the 9 *
/// channels inputs of 2 x 2 * kPair pixels.
template <int kVectors>
void forward_direct(const Args& a, const float* image, const float* packed, const float* bias, float* y,
                    std::uint8_t* position) {
  constexpr std::int64_t kBlock = kVectors * kLanes;
  constexpr int kPair = kVectorBytes == 64 ? 2 : 1;  // windows side by side
  const std::int64_t row = row_elements(a), line = 3 * a.channels;
  for (std::int64_t f = 0; f < a.filters; f += kBlock)
    for (std::int64_t i = 0; i < a.pooled_height; ++i)
      for (std::int64_t j = 0; j < a.pooled_width; j += kPair) {
        // The last window of an odd row is computed twice rather than one beyond it.
        const std::int64_t first =
            j + kPair > a.pooled_width && a.pooled_width >= kPair ? a.pooled_width - kPair : j;
        const float* corner = image + 2 * i * row + 2 * first * a.channels;
        const float* weights = packed + f * 9 * a.channels;
        Floats sums[4 * kPair][kVectors] = {};
        for (int u = 0; u < 3; ++u)
          for (std::int64_t k = 0; k < line; ++k, weights += kBlock) {
            const float* at = corner + u * row + k;
#pragma GCC unroll 8
            for (int p = 0; p < 4 * kPair; ++p) {
              const Floats x = broadcast(at[(p / (2 * kPair)) * row + (p % (2 * kPair)) * a.channels]);
#pragma GCC unroll 2
              for (int v = 0; v < kVectors; ++v)
                sums[p][v] = multiply_add(x, load(weights + v * kLanes), sums[p][v]);
            }
          }
#pragma GCC unroll 2
        for (int w = 0; w < kPair; ++w)
#pragma GCC unroll 2
          for (int v = 0; v < kVectors; ++v) {
            const std::int64_t at = f + v * kLanes, place = (i * a.pooled_width + first + w) * a.filters + at;
            pool(sums[2 * w][v], sums[2 * w + 1][v], sums[2 * kPair + 2 * w][v],
                 sums[2 * kPair + 2 * w + 1][v], bias ? load(bias + at) : Floats{}, y + place,
                 position ? position + place : nullptr);
          }
      }
}

/// Whether products take two vectors of filters at a time.
bool takes_pairs(const Args& a) { return a.filters % (2 * kLanes) == 0; }

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
  for (std::int64_t f = 0; f < a.filters; f += kLanes) {
    const std::int64_t block = f / kBlock * kBlock, lane = f - block;
    if (is_narrow(a)) {
      for (std::int64_t k = 0; k < 9 * a.channels; ++k)
        store(packed + (block * 9 * a.channels) + k * kBlock + lane, load(kernel + k * a.filters + f));
      continue;
    }
    for (std::int64_t c = 0; c < a.channels; ++c)
      transform_kernel(kernel + c * a.filters + f, a.channels * a.filters,
                       packed + block * 16 * a.channels + c * kBlock + lane, a.channels * kBlock);
  }
}

}  // namespace

std::int64_t forward_workspace(const Args& a) { return 16 * kTiles * (a.channels + 2 * kLanes); }

void pack_forward(const Args& a, const float* kernel, float* packed) {
  takes_pairs(a) ? pack_blocks<2>(a, kernel, packed) : pack_blocks<1>(a, kernel, packed);
}

void forward(const Args& a, const float* image, const float* weights, const float* bias, float* workspace,
             float* y, std::uint8_t* position) {
  if (is_narrow(a))
    takes_pairs(a) ? forward_direct<2>(a, image, weights, bias, y, position)
                   : forward_direct<1>(a, image, weights, bias, y, position);
  else
    takes_pairs(a) ? forward_tiles<2>(a, image, weights, bias, workspace, y, position)
                   : forward_tiles<1>(a, image, weights, bias, workspace, y, position);
}

}  // namespace convoy::simd::CONVOY_SIMD_ISA::pooled

#endif
