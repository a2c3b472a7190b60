#include "core/cpu/simd/winograd_convolution.h"

#include "core/cpu/simd/functions.h"
#include "core/cpu/simd/winograd.h"

// Winograd's convolution where the weights do not stay in the cache: many tiles at a time, so that each of
// the 36 matrices of transformed weights is read once for all of them.

namespace convoy::simd::CONVOY_SIMD_ISA {

namespace {

using namespace winograd;
using Args = ConvolutionArgs;

/// Tiles of a product that share their loads of weights.
constexpr int kTiles = kVectorBytes == 64 ? 8 : 4;
/// Channels that one sum in registers takes: longer ones would round more, and their weights leave the cache.
constexpr std::int64_t kInner = 128;

std::int64_t smaller(std::int64_t a, std::int64_t b) { return a < b ? a : b; }
std::int64_t tile_rows(const Args& a) { return (a.out_height + 3) / 4; }
std::int64_t tile_columns(const Args& a) { return (a.out_width + 3) / 4; }
int block_vectors(const Args& a) { return a.filters % (2 * kLanes) == 0 ? 2 : 1; }

/// Tiles that are transformed at a time. Their memory is bounded; more of them would hardly divide the
/// reading of the weights any further.
std::int64_t tiles_at_once(const Args& a) {
  constexpr std::int64_t kElements = std::int64_t{4} << 20, kMost = 256;
  return smaller(kElements / (kPoints * (a.channels + a.filters)) / kTiles + 1, kMost / kTiles) * kTiles;
}

/// product[t, f] = sum over c of tiles[t, c] * weights[c, f], for kTiles tiles and kVectors vectors of
/// filters.
template <int kVectors>
CONVOY_INLINE void multiply(const Args& a, const float* tiles, const float* weights, float* product) {
  for (std::int64_t first = 0; first < a.channels; first += kInner) {
    const std::int64_t last = smaller(first + kInner, a.channels);
    Floats sums[kTiles][kVectors] = {};
    for (std::int64_t c = first; c < last; ++c) {
      Floats w[kVectors];
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) w[v] = load(weights + (c * kVectors + v) * kLanes);
#pragma GCC unroll 8
      for (int t = 0; t < kTiles; ++t) {
        const Floats x = broadcast(tiles[t * a.channels + c]);
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v) sums[t][v] = multiply_add(x, w[v], sums[t][v]);
      }
    }
#pragma GCC unroll 8
    for (int t = 0; t < kTiles; ++t)
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) {
        float* to = product + t * a.filters + v * kLanes;
        store(to, first == 0 ? sums[t][v] : load(to) + sums[t][v]);
      }
  }
}

/// All products of some tiles: [kPoints, tiles, filters].
template <int kVectors>
void multiply_all(const Args& a, std::int64_t tiles, const float* transformed, const float* weights,
                  float* products) {
  constexpr std::int64_t kBlock = kVectors * kLanes;
  for (std::int64_t k = 0; k < kPoints; ++k)
    for (std::int64_t f = 0; f < a.filters; f += kBlock, weights += a.channels * kBlock)
      for (std::int64_t t = 0; t < tiles; t += kTiles)
        multiply<kVectors>(a, transformed + (k * tiles + t) * a.channels, weights,
                           products + (k * tiles + t) * a.filters + f);
}

/// Where a tile of all samples' tiles lies.
struct Place {
  std::int64_t sample, row, column;  ///< row and column of its first output
  Place(const Args& a, std::int64_t tile) {
    const std::int64_t in_picture = tile % (tile_rows(a) * tile_columns(a));
    sample = tile / (tile_rows(a) * tile_columns(a));
    row = in_picture / tile_columns(a) * 4;
    column = in_picture % tile_columns(a) * 4;
  }
};

/// A tile's outputs from its products, which stand `stride` apart.
void finish_tile(const Args& a, const Place& place, const float* products, std::int64_t stride,
                 const float* bias, bool relu, float* y) {
  for (std::int64_t f = 0; f < a.filters; f += kLanes) {
    Floats pixels[4][4];
    transform_products(products + f, stride, pixels);
    const Floats shift = bias ? load(bias + f) : Floats{};
#pragma GCC unroll 4
    for (int u = 0; u < 4; ++u)
#pragma GCC unroll 4
      for (int v = 0; v < 4; ++v) {
        if (place.row + u >= a.out_height || place.column + v >= a.out_width) continue;
        Floats value = pixels[u][v] + shift;
        if (relu) value = value < Floats{} ? Floats{} : value;
        store(y + ((place.row + u) * a.out_width + place.column + v) * a.filters + f, value);
      }
  }
}

bool can(const Args& a) {
  const bool three = a.window_height == 3 && a.window_width == 3 && a.stride_y == 1 && a.stride_x == 1 &&
                     a.dilation_y == 1 && a.dilation_x == 1;
  return three && a.channels % kLanes == 0 && a.filters % kLanes == 0;
}

std::int64_t weights_size(const Args& a) { return kPoints * a.channels * a.filters; }
std::int64_t workspace_size(const Args& a) {
  return kPoints * (a.channels + tiles_at_once(a) * (a.channels + a.filters));
}

void forward(const Args& a, std::int64_t samples, const float* const* x, const float* weights,
             const float* bias, bool relu, float* workspace, float* const* y) {
  const std::int64_t all = samples * tile_rows(a) * tile_columns(a), at_once = tiles_at_once(a);
  const Picture picture{a.height, a.width, a.channels, a.channels};
  float* edge = workspace;
  for (std::int64_t first = 0; first < all; first += at_once) {
    const std::int64_t count = smaller(all - first, at_once);
    const std::int64_t tiles = (count + kTiles - 1) / kTiles * kTiles;
    float* transformed = edge + kPoints * a.channels;  // [kPoints, tiles, channels]
    float* products = transformed + kPoints * tiles * a.channels;
    for (std::int64_t t = 0; t < count; ++t) {
      const Place place(a, first + t);
      transform_tile(picture, x[place.sample], place.row - a.pad_top, place.column - a.pad_left, edge,
                     transformed + t * a.channels, tiles * a.channels);
    }
    block_vectors(a) == 2 ? multiply_all<2>(a, tiles, transformed, weights, products)
                          : multiply_all<1>(a, tiles, transformed, weights, products);
    for (std::int64_t t = 0; t < count; ++t) {
      const Place place(a, first + t);
      finish_tile(a, place, products + t * a.filters, tiles * a.filters, bias, relu, y[place.sample]);
    }
  }
}

/// [kPoints, filters / block, channels, block]
void pack(const Args& a, const float* kernel, float* packed) {
  const std::int64_t block = block_vectors(a) * kLanes;
  for (std::int64_t c = 0; c < a.channels; ++c)
    for (std::int64_t f = 0; f < a.filters; f += kLanes)
      transform_kernels(kernel + c * a.filters + f, a.channels * a.filters,
                        packed + f / block * block * a.channels + c * block + f % block,
                        a.channels * a.filters);
}

/// The same of the kernel that takes dy to dx: turned round, its channels being the filters. `a` is the
/// convolution that it is for.
void pack_mirrored(const Args& a, const float* kernel, float* packed) {
  const std::int64_t block = block_vectors(a) * kLanes, filters = a.channels, channels = a.filters;
  alignas(64) float turned[9 * kLanes * kLanes];
  for (std::int64_t c = 0; c < channels; c += kLanes)
    for (std::int64_t f = 0; f < filters; f += kLanes) {
      for (int tap = 0; tap < 9; ++tap) {
        Floats rows[kLanes];
        for (int i = 0; i < kLanes; ++i) rows[i] = load(kernel + (tap * channels + c + i) * filters + f);
        transpose(rows);
        for (int i = 0; i < kLanes; ++i) store(turned + ((8 - tap) * kLanes + i) * kLanes, rows[i]);
      }
      for (int i = 0; i < kLanes; ++i)
        transform_kernels(turned + i * kLanes, kLanes * kLanes,
                          packed + c / block * block * filters + (f + i) * block + c % block,
                          a.channels * a.filters);
    }
}

}  // namespace

WinogradConvolution winograd_convolution() {
  return {.can = can,
          .weights = weights_size,
          .workspace = workspace_size,
          .pack = pack,
          .pack_mirrored = pack_mirrored,
          .forward = forward,
          .part = winograd::kPart,
          .weight_workspace = winograd::weight_workspace,
          .weight_gradient = winograd::weight_gradient,
          .accumulate_weight_gradient = winograd::accumulate_weight_gradient};
}

}  // namespace convoy::simd::CONVOY_SIMD_ISA
