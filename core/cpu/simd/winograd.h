#pragma once

#include "core/cpu/simd/vector.h"

// Winograd's F(4x4, 3x3) (Lavin and Gray 2016, https://arxiv.org/abs/1509.09308) at the points 0, a, -a, b,
// -b and infinity, which with a = 1 / b = sqrt(1/2) loses less than half of what the usual ones do. A tile of
// 6x6 pixels gives 4x4 pixels of a 3x3 convolution, by 36 products where the plain sum has 144.

namespace convoy::simd::CONVOY_SIMD_ISA::winograd {

inline constexpr int kSide = 6, kPoints = kSide * kSide;  ///< of a tile of the input
inline constexpr float kA = 0.70710678F, kB = 1.41421356F;

/// A picture whose tiles are transformed, [height, width, channels]; pixels stand `pixel` elements apart.
struct Picture {
  std::int64_t height, width, channels, pixel;
  /// Elements of a pixel of a tile: whole vectors.
  std::int64_t tile_width() const { return (channels + kLanes - 1) / kLanes * kLanes; }
};

using simd::CONVOY_SIMD_ISA::multiply_add;
static CONVOY_INLINE Floats multiply_add(Floats a, float b, Floats c) {
  return multiply_add(a, broadcast(b), c);
}

/// B^T d at 0, a and -a, and at b, -b and infinity.
static CONVOY_INLINE void transform_near(const Floats (&d)[kSide], Floats (&to)[3]) {
  const Floats even = multiply_add(d[2], -2, d[4]), odd = multiply_add(d[1], -2, d[3]);
  to[0] = d[0] + multiply_add(d[2], -2.5F, d[4]);
  to[1] = multiply_add(odd, kA, even);
  to[2] = multiply_add(odd, -kA, even);
}
static CONVOY_INLINE void transform_far(const Floats (&d)[kSide], Floats (&to)[3]) {
  const Floats even = multiply_add(d[2], -0.5F, d[4]), odd = multiply_add(d[1], -0.5F, d[3]);
  to[0] = multiply_add(odd, kB, even);
  to[1] = multiply_add(odd, -kB, even);
  to[2] = d[5] + multiply_add(d[3], -2.5F, d[1]);
}

/// Three rows of B^T d B of one tile, for kLanes channels: registers hold no more. The results stand `stride`
/// apart.
template <bool kFar>
static CONVOY_INLINE void transform_rows(const float* tile, std::int64_t row, std::int64_t pixel, float* to,
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
static inline void copy_tile(const Picture& p, const float* x, std::int64_t top, std::int64_t left,
                             float* to) {
  for (std::int64_t i = top; i < top + kSide; ++i)
    for (std::int64_t j = left; j < left + kSide; ++j, to += p.tile_width()) {
      const bool inside = i >= 0 && i < p.height && j >= 0 && j < p.width;
      const float* from = inside ? x + (i * p.width + j) * p.pixel : x;
      for (std::int64_t c = 0; c < p.channels; c += kLanes) {
        const std::int64_t count = p.channels - c;
        store(to + c, !inside           ? Floats{}
                      : count >= kLanes ? load(from + c)
                                        : load_first(from + c, static_cast<int>(count)));
      }
    }
}

/// The tile whose first pixel is (top, left), which may lie outside: kPoints results, `stride` apart, of
/// tile_width() each. `edge` holds a tile.
static inline void transform_tile(const Picture& p, const float* x, std::int64_t top, std::int64_t left,
                                  float* edge, float* to, std::int64_t stride) {
  std::int64_t pixel = p.pixel, row = p.width * pixel;
  const float* from = x + top * row + left * pixel;
  if (top < 0 || left < 0 || top + kSide > p.height || left + kSide > p.width ||
      p.channels != p.tile_width()) {
    copy_tile(p, x, top, left, edge);
    from = edge;
    pixel = p.tile_width();
    row = kSide * pixel;
  }
  for (std::int64_t c = 0; c < p.channels; c += kLanes) {
    transform_rows<false>(from + c, row, pixel, to + c, stride);
    transform_rows<true>(from + c, row, pixel, to + c + 3 * kSide * stride, stride);
  }
}

/// A^T m
static CONVOY_INLINE void transform_back(const Floats (&m)[kSide], Floats (&to)[4]) {
  const Floats near = m[1] + m[2], near_odd = m[1] - m[2], far = m[3] + m[4], far_odd = m[3] - m[4];
  to[0] = m[0] + (near + far);
  to[1] = multiply_add(near_odd, kA, broadcast(kB) * far_odd);
  to[2] = multiply_add(near, 0.5F, far + far);
  to[3] = multiply_add(near_odd, kA / 2, multiply_add(far_odd, 2 * kB, m[5]));
}

/// A^T m A of one tile. The products stand `stride` apart.
static CONVOY_INLINE void transform_products(const float* products, std::int64_t stride, Floats (&to)[4][4]) {
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

/// G g
static CONVOY_INLINE void transform_kernel(const Floats (&g)[3], Floats (&to)[kSide]) {
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
static CONVOY_INLINE void transform_kernels(const float* kernel, std::int64_t step, float* to,
                                            std::int64_t stride) {
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

}  // namespace convoy::simd::CONVOY_SIMD_ISA::winograd
