#include "core/cpu/simd/pooled_convolution.h"

// Forward: Winograd's F(4x4, 3x3) (Lavin and Gray 2016) at the points 0, a, -a, b, -b and infinity, which
// with a = 1 / b = sqrt(1/2) loses less than half of what the usual ones do. A tile's 4x4 outputs are 2x2
// windows, so bias, maximum and ReLU happen in registers.

#if defined(__AVX2__)

namespace convoy::simd::CONVOY_SIMD_ISA::pooled {

namespace {

constexpr int kSide = 6, kPoints = kSide * kSide;  ///< of a tile of the input
constexpr float kA = 0.70710678F, kB = 1.41421356F;

/// Tiles of a product that share their loads of weights: as many as the registers hold accumulators for.
constexpr int kTiles = kVectorBytes == 64 ? 8 : 4;

std::int64_t tile_rows(const Args& a) { return (a.pooled_height + 1) / 2; }
std::int64_t tile_columns(const Args& a) { return (a.pooled_width + 1) / 2; }
/// Elements of a pixel of a tile.
std::int64_t tile_width(const Args& a) { return channel_vectors(a) * kLanes; }

/// Tiles that share a walk over the weights; in the second cache they leave room for those of kBlock filters.
std::int64_t tiles_at_once(const Args& a) {
  constexpr std::int64_t kCacheElements = 80 * 1024;
  const std::int64_t products = kCacheElements / (kPoints * tile_width(a) * kTiles);
  return (products < 1 ? 1 : products) * kTiles;
}

CONVOY_INLINE Floats multiply_add(Floats a, float b, Floats c) {
  return simd::CONVOY_SIMD_ISA::multiply_add(a, broadcast(b), c);
}

/// B^T d at 0, a and -a, and at b, -b and infinity.
CONVOY_INLINE void transform_near(const Floats (&d)[kSide], Floats (&to)[3]) {
  const Floats even = multiply_add(d[2], -2, d[4]), odd = multiply_add(d[1], -2, d[3]);
  to[0] = d[0] + multiply_add(d[2], -2.5F, d[4]);
  to[1] = multiply_add(odd, kA, even);
  to[2] = multiply_add(odd, -kA, even);
}
CONVOY_INLINE void transform_far(const Floats (&d)[kSide], Floats (&to)[3]) {
  const Floats even = multiply_add(d[2], -0.5F, d[4]), odd = multiply_add(d[1], -0.5F, d[3]);
  to[0] = multiply_add(odd, kB, even);
  to[1] = multiply_add(odd, -kB, even);
  to[2] = d[5] + multiply_add(d[3], -2.5F, d[1]);
}

/// Three rows of B^T d B of one tile, for kLanes channels: registers hold no more. The results stand `stride`
/// apart.
template <bool kFar>
CONVOY_INLINE void transform_rows(const float* tile, std::int64_t row, std::int64_t pixel, float* to,
                                  std::int64_t stride) {
  Floats columns[kSide][3];
#pragma GCC unroll 6
  for (int v = 0; v < kSide; ++v) {
    Floats d[kSide];
#pragma GCC unroll 6
    for (int u = 0; u < kSide; ++u) d[u] = load(tile + u * row + v * pixel);
    kFar ? transform_far(d, columns[v]) : transform_near(d, columns[v]);
  }
#pragma GCC unroll 3
  for (int u = 0; u < 3; ++u) {
    Floats d[kSide], near[3], far[3];
#pragma GCC unroll 6
    for (int v = 0; v < kSide; ++v) d[v] = columns[v][u];
    transform_near(d, near);
    transform_far(d, far);
#pragma GCC unroll 3
    for (int v = 0; v < 3; ++v) {
      store(to + (u * kSide + v) * stride, near[v]);
      store(to + (u * kSide + 3 + v) * stride, far[v]);
    }
  }
}

/// A tile that reaches beyond x, or whose last channels do not fill a vector: [kSide, kSide, tile_width].
void copy_tile(const Args& a, const float* x, std::int64_t top, std::int64_t left, float* to) {
  for (std::int64_t i = top; i < top + kSide; ++i)
    for (std::int64_t j = left; j < left + kSide; ++j, to += tile_width(a)) {
      const bool inside = i >= 0 && i < a.height && j >= 0 && j < a.width;
      const float* from = inside ? x + (i * a.width + j) * a.channels : x;
      for (std::int64_t c = 0; c < a.channels; c += kLanes)
        store(to + c, inside ? load_channels(from + c, a.channels - c) : Floats{});
    }
}

/// The tile with this number in the slice, its results `stride` apart.
void transform_tile(const Args& a, const float* x, std::int64_t tile, float* edge, float* to,
                    std::int64_t stride) {
  const std::int64_t in_image = tile % (tile_rows(a) * tile_columns(a));
  const std::int64_t top = in_image / tile_columns(a) * 4 - a.pad_top,
                     left = in_image % tile_columns(a) * 4 - a.pad_left;
  std::int64_t pixel = a.channels, row = a.width * pixel;
  x += tile / (tile_rows(a) * tile_columns(a)) * a.height * row;
  const float* from = x + top * row + left * pixel;
  if (top < 0 || left < 0 || top + kSide > a.height || left + kSide > a.width || pixel != tile_width(a)) {
    copy_tile(a, x, top, left, edge);
    from = edge;
    pixel = tile_width(a);
    row = kSide * pixel;
  }
  for (std::int64_t c = 0; c < a.channels; c += kLanes) {
    transform_rows<false>(from + c, row, pixel, to + c, stride);
    transform_rows<true>(from + c, row, pixel, to + c + 3 * kSide * stride, stride);
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
      for (int v = 0; v < kVectors; ++v)
        sums[t][v] = simd::CONVOY_SIMD_ISA::multiply_add(x, w[v], sums[t][v]);
    }
  }
#pragma GCC unroll 8
  for (int t = 0; t < kTiles; ++t)
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) store(product + (t * kVectors + v) * kLanes, sums[t][v]);
}

/// A^T m
CONVOY_INLINE void transform_back(const Floats (&m)[kSide], Floats (&to)[4]) {
  const Floats near = m[1] + m[2], near_odd = m[1] - m[2], far = m[3] + m[4], far_odd = m[3] - m[4];
  to[0] = m[0] + (near + far);
  to[1] = multiply_add(near_odd, kA, broadcast(kB) * far_odd);
  to[2] = multiply_add(near, 0.5F, far + far);
  to[3] = multiply_add(near_odd, kA / 2, multiply_add(far_odd, 2 * kB, m[5]));
}

/// A^T m A of one tile. The products stand `stride` apart.
CONVOY_INLINE void transform_products(const float* products, std::int64_t stride, Floats (&to)[4][4]) {
  Floats columns[kSide][4];
#pragma GCC unroll 6
  for (int v = 0; v < kSide; ++v) {
    Floats m[kSide];
#pragma GCC unroll 6
    for (int u = 0; u < kSide; ++u) m[u] = load(products + (u * kSide + v) * stride);
    transform_back(m, columns[v]);
  }
#pragma GCC unroll 4
  for (int u = 0; u < 4; ++u) {
    Floats m[kSide];
#pragma GCC unroll 6
    for (int v = 0; v < kSide; ++v) m[v] = columns[v][u];
    transform_back(m, to[u]);
  }
}

/// The windows of the tile with this number in the slice, for the filters from f on.
CONVOY_INLINE void finish_tile(const Args& a, const float* products, std::int64_t stride, const float* bias,
                               std::int64_t tile, std::int64_t f, float* y, std::uint8_t* position) {
  Floats pixels[4][4];
  transform_products(products, stride, pixels);
  const std::int64_t in_image = tile % (tile_rows(a) * tile_columns(a));
  const std::int64_t i = in_image / tile_columns(a) * 2, j = in_image % tile_columns(a) * 2;
  const std::int64_t corner = tile / (tile_rows(a) * tile_columns(a)) * windows(a) + i * a.pooled_width + j;
  const Floats shift = bias ? load(bias + f) : Floats{};
#pragma GCC unroll 2
  for (int u = 0; u < 2; ++u)
#pragma GCC unroll 2
    for (int v = 0; v < 2; ++v) {
      if (i + u >= a.pooled_height || j + v >= a.pooled_width) continue;
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
    for (std::int64_t t = 0; t < count; ++t)
      transform_tile(a, x, first + t, edge, tiles + t / kTiles * group + t % kTiles * width, kTiles * width);
    for (std::int64_t f = 0; f < a.filters; f += kBlock)
      for (std::int64_t g = 0; g < count; g += kTiles) {
        for (std::int64_t k = 0; k < kPoints; ++k)
          multiply<kVectors>(tiles + g / kTiles * group + k * kTiles * width, width, a.channels,
                             packed + (f * kPoints + k * kBlock) * a.channels,
                             products + k * kTiles * kBlock);
        for (std::int64_t t = g; t < smaller(g + kTiles, count); ++t)
          for (int v = 0; v < kVectors; ++v)
            finish_tile(a, products + (t - g) * kBlock + v * kLanes, kTiles * kBlock, bias, first + t,
                        f + v * kLanes, y, position);
      }
  }
}

/// G g
CONVOY_INLINE void transform_kernel(const Floats (&g)[3], Floats (&to)[kSide]) {
  const Floats near = broadcast(-2.0F / 3) * multiply_add(g[2], 0.5F, g[0]);
  const Floats far = broadcast(1.0F / 6) * multiply_add(g[2], 2, g[0]);
  to[0] = g[0];
  to[1] = multiply_add(g[1], -2 * kA / 3, near);
  to[2] = multiply_add(g[1], 2 * kA / 3, near);
  to[3] = multiply_add(g[1], kB / 6, far);
  to[4] = multiply_add(g[1], -kB / 6, far);
  to[5] = g[2];
}

/// G g G^T of 3x3 kernels, for kLanes filters; pixels of the kernel stand `step` apart, the results `stride`.
CONVOY_INLINE void transform_kernels(const float* kernel, std::int64_t step, float* to, std::int64_t stride) {
  Floats columns[3][kSide];
#pragma GCC unroll 3
  for (int v = 0; v < 3; ++v) {
    const Floats g[3] = {load(kernel + v * step), load(kernel + (3 + v) * step),
                         load(kernel + (6 + v) * step)};
    transform_kernel(g, columns[v]);
  }
#pragma GCC unroll 6
  for (int u = 0; u < kSide; ++u) {
    const Floats g[3] = {columns[0][u], columns[1][u], columns[2][u]};
    Floats row[kSide];
    transform_kernel(g, row);
#pragma GCC unroll 6
    for (int v = 0; v < kSide; ++v) store(to + (u * kSide + v) * stride, row[v]);
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
