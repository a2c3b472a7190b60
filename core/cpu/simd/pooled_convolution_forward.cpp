#include "core/cpu/simd/pooled_convolution.h"
#include "core/cpu/simd/winograd.h"

// Forward: a tile's 4x4 outputs are 2x2 windows, so bias, maximum and ReLU happen in registers.

#if defined(__AVX2__)

namespace convoy::simd::CONVOY_SIMD_ISA::pooled {

namespace {

using namespace winograd;

/// Tiles of a product that share their loads of weights: as many as the registers hold accumulators for.
constexpr int kTiles = kVectorBytes == 64 ? 8 : 4;

std::int64_t tile_rows(const Args& a) { return (a.pooled_height + 1) / 2; }
std::int64_t tile_columns(const Args& a) { return (a.pooled_width + 1) / 2; }
/// Elements of a pixel of a tile.
std::int64_t tile_width(const Args& a) { return channel_vectors(a) * kLanes; }

/// Tiles that share a walk over the weights: where the second cache holds all weights, so few that the first
/// one holds them, otherwise as many as leave room for the weights of kBlock filters in the second.
std::int64_t tiles_at_once(const Args& a) {
  constexpr std::int64_t kCacheElements = 80 * 1024, kCachedWeights = 128 * 1024;
  if (winograd_weights(a) <= kCachedWeights) return kTiles;
  const std::int64_t products = kCacheElements / (kPoints * tile_width(a) * kTiles);
  return (products < 1 ? 1 : products) * kTiles;
}

/// Where a tile's windows lie in the slice.
struct Place {
  std::int64_t image, row, column;  ///< row and column of its first window

  Place(const Args& a, std::int64_t tile) {
    const std::int64_t in_image = tile % (tile_rows(a) * tile_columns(a));
    image = tile / (tile_rows(a) * tile_columns(a));
    row = in_image / tile_columns(a) * 2;
    column = in_image % tile_columns(a) * 2;
  }
  /// Goes on to the next tile, without dividing.
  void advance(const Args& a) {
    if ((column += 2) < a.pooled_width) return;
    column = 0;
    if ((row += 2) < a.pooled_height) return;
    row = 0;
    ++image;
  }
};

/// A tile's input, its results `stride` apart.
void transform_tile(const Args& a, const float* x, const Place& place, float* edge, float* to,
                    std::int64_t stride) {
  winograd::transform_tile({a.height, a.width, a.channels, a.channels}, x + place.image * input_elements(a),
                           place.row * 2 - a.pad_top, place.column * 2 - a.pad_left, edge, to, stride);
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

/// A tile's windows, for the filters from f on.
CONVOY_INLINE void finish_tile(const Args& a, const float* products, std::int64_t stride, const float* bias,
                               const Place& place, std::int64_t f, float* y, std::uint8_t* position) {
  Floats pixels[4][4];
  transform_products(products, stride, pixels);
  const std::int64_t corner = place.image * windows(a) + place.row * a.pooled_width + place.column;
  const Floats shift = bias ? load(bias + f) : Floats{};
#pragma GCC unroll 2
  for (int u = 0; u < 2; ++u)
#pragma GCC unroll 2
    for (int v = 0; v < 2; ++v) {
      if (place.row + u >= a.pooled_height || place.column + v >= a.pooled_width) continue;
      const std::int64_t at = (corner + u * a.pooled_width + v) * a.filters + f;
      pool(pixels[2 * u][2 * v], pixels[2 * u][2 * v + 1], pixels[2 * u + 1][2 * v],
           pixels[2 * u + 1][2 * v + 1], shift, y + at, position ? position + at : nullptr);
    }
}

template <int kVectors>
void forward_tiles(const Args& a, std::int64_t samples, const float* x, const float* packed,
                   const float* bias, float* workspace, float* y, std::uint8_t* position) {
  constexpr std::int64_t kBlock = kVectors * kLanes;
  const std::int64_t width = tile_width(a), all = samples * tile_rows(a) * tile_columns(a);
  float* products = workspace;                         // [kPoints, kTiles, kBlock]
  float* edge = products + kPoints * kTiles * kBlock;  // a tile
  float* tiles = edge + kPoints * width;               // [at_once / kTiles, kPoints, kTiles, width]
  const std::int64_t at_once = tiles_at_once(a), group = kPoints * kTiles * width;
  for (std::int64_t first = 0; first < all; first += at_once) {
    const std::int64_t count = smaller(all - first, at_once);
    Place next(a, first);
    for (std::int64_t t = 0; t < count; ++t, next.advance(a))
      transform_tile(a, x, next, edge, tiles + t / kTiles * group + t % kTiles * width, kTiles * width);
    for (std::int64_t f = 0; f < a.filters; f += kBlock)
      for (std::int64_t g = 0; g < count; g += kTiles) {
        for (std::int64_t k = 0; k < kPoints; ++k)
          multiply<kVectors>(tiles + g / kTiles * group + k * kTiles * width, width, a.channels,
                             packed + (f * kPoints + k * kBlock) * a.channels,
                             products + k * kTiles * kBlock);
        Place place(a, first + g);
        for (std::int64_t t = g; t < smaller(g + kTiles, count); ++t, place.advance(a))
          for (int v = 0; v < kVectors; ++v)
            finish_tile(a, products + (t - g) * kBlock + v * kLanes, kTiles * kBlock, bias, place,
                        f + v * kLanes, y, position);
      }
  }
}

/// [filters / kBlock, kPoints, channels, kBlock]
template <int kVectors>
void pack_blocks(const Args& a, const float* kernel, float* packed) {
  constexpr std::int64_t kBlock = kVectors * kLanes;
  for (std::int64_t f = 0; f < a.filters; f += kLanes)
    for (std::int64_t c = 0; c < a.channels; ++c) {
      const std::int64_t block = f / kBlock * kBlock;
      transform_kernels(kernel + c * a.filters + f, a.channels * a.filters,
                        packed + block * kPoints * a.channels + c * kBlock + f - block, a.channels * kBlock);
    }
}

}  // namespace

std::int64_t winograd_weights(const Args& a) { return kPoints * a.channels * a.filters; }

std::int64_t winograd_workspace(const Args& a) {
  return kPoints * (kTiles * 2 * kLanes + tile_width(a) * (1 + tiles_at_once(a)));
}

void pack_winograd(const Args& a, const float* kernel, float* packed) {
  takes_pairs(a) ? pack_blocks<2>(a, kernel, packed) : pack_blocks<1>(a, kernel, packed);
}

void forward_winograd(const Args& a, std::int64_t samples, const float* x, const float* weights,
                      const float* bias, float* workspace, float* y, std::uint8_t* position) {
  takes_pairs(a) ? forward_tiles<2>(a, samples, x, weights, bias, workspace, y, position)
                 : forward_tiles<1>(a, samples, x, weights, bias, workspace, y, position);
}

}  // namespace convoy::simd::CONVOY_SIMD_ISA::pooled

#endif
