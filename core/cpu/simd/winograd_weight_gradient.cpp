#include "core/cpu/simd/weight_sums.h"
#include "core/cpu/simd/winograd.h"
#include "core/cpu/simd/winograd_convolution.h"

// The gradient of Winograd's products (see winograd.h): with y = A^T [(G g G^T) * (B^T d B)] A, it is
// dg = G^T [sum over the tiles of (B^T d B) * (A dy A^T)] G.

namespace convoy::simd::CONVOY_SIMD_ISA::winograd {

namespace {

using Args = ConvolutionArgs;
using Part = WinogradWeightArgs;

/// Tiles at a time: with kPart channels and filters, all that a part needs stays in the second-level cache.
constexpr std::int64_t kTiles = 32;
constexpr int kRows = kVectorBytes == 64 ? 8 : 4;
/// Elements from a point's matrix to the next one's: not a power of two, which would share places in the
/// cache.
constexpr std::int64_t kTransformed = kTiles * kPart + kLanes, kProducts = kPart * kPart + kLanes;

std::int64_t smaller(std::int64_t a, std::int64_t b) { return a < b ? a : b; }
std::int64_t tile_rows(const Args& a) { return (a.out_height + 3) / 4; }
std::int64_t tile_columns(const Args& a) { return (a.out_width + 3) / 4; }

/// A d
CONVOY_INLINE void transform_gradient(const Floats (&d)[4], Floats (&to)[kSide]) {
  const Floats near = multiply_add(d[2], 0.5F, d[0]), far = multiply_add(d[2], 2, d[0]);
  const Floats near_odd = broadcast(kA) * multiply_add(d[3], 0.5F, d[1]);
  const Floats far_odd = broadcast(kB) * multiply_add(d[3], 2, d[1]);
  to[0] = d[0];
  to[1] = near + near_odd;
  to[2] = near - near_odd;
  to[3] = far + far_odd;
  to[4] = far - far_odd;
  to[5] = d[3];
}

/// A dy A^T of the outputs from (top, left) on, those beyond the picture being zero, for kLanes filters.
void transform_gradients(const Args& a, const float* dy, std::int64_t top, std::int64_t left, float* to) {
  Floats columns[4][kSide];
#pragma GCC unroll 4
  for (int v = 0; v < 4; ++v) {
    Floats d[4];
#pragma GCC unroll 4
    for (int u = 0; u < 4; ++u) {
      const bool inside = top + u < a.out_height && left + v < a.out_width;
      d[u] = inside ? load(dy + ((top + u) * a.out_width + left + v) * a.filters) : Floats{};
    }
    transform_gradient(d, columns[v]);
  }
#pragma GCC unroll 6
  for (int u = 0; u < kSide; ++u) {
    const Floats d[4] = {columns[0][u], columns[1][u], columns[2][u], columns[3][u]};
    Floats row[kSide];
    transform_gradient(d, row);
#pragma GCC unroll 6
    for (int v = 0; v < kSide; ++v) store(to + (u * kSide + v) * kTransformed, row[v]);
  }
}

/// G^T u
CONVOY_INLINE void transform_back(const Floats (&u)[kSide], Floats (&to)[3]) {
  const Floats near = u[1] + u[2], far = u[3] + u[4];
  to[0] = multiply_add(far, 1.0F / 6, multiply_add(near, -2.0F / 3, u[0]));
  to[1] = multiply_add(u[2] - u[1], 2 * kA / 3, broadcast(kB / 6) * (u[3] - u[4]));
  to[2] = multiply_add(far - near, 1.0F / 3, u[5]);
}

/// products[c, f] (+)= sum over the tiles of x[t, c] * dy[t, f], for kRows channels and kVectors vectors.
template <int kVectors>
CONVOY_INLINE void multiply(std::int64_t tiles, const float* x, const float* dy, bool onto, float* products) {
  Floats sums[kRows][kVectors] = {};
  for (std::int64_t t = 0; t < tiles; ++t, x += kPart, dy += kPart) {
    Floats gradient[kVectors];
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) gradient[v] = load(dy + v * kLanes);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const Floats value = broadcast(x[r]);
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) sums[r][v] = multiply_add(value, gradient[v], sums[r][v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      float* const to = products + r * kPart + v * kLanes;
      store(to, onto ? load(to) + sums[r][v] : sums[r][v]);
    }
}

/// All points' products for kRows channels from c on, [kPoints, kRows, kPart], the points `step` apart.
void multiply_rows(const Part& part, std::int64_t tiles, const float* x, const float* dy, bool onto,
                   float* products, std::int64_t step) {
  for (int k = 0; k < kPoints; ++k, x += kTransformed, dy += kTransformed, products += step) {
    std::int64_t f = 0;
    for (; f + 2 * kLanes <= part.filters; f += 2 * kLanes) multiply<2>(tiles, x, dy + f, onto, products + f);
    if (f < part.filters) multiply<1>(tiles, x, dy + f, onto, products + f);
  }
}

/// Both factors' transforms of the tiles [first, first + count) of the slice.
void transform(const Args& a, const Part& part, std::int64_t first, std::int64_t count, float* edge, float* x,
               float* dy) {
  const Picture picture{a.height, a.width, part.channels, a.channels};
  for (std::int64_t t = 0; t < count; ++t) {
    const std::int64_t in_picture = (first + t) % (tile_rows(a) * tile_columns(a));
    const std::int64_t sample = (first + t) / (tile_rows(a) * tile_columns(a));
    const std::int64_t top = in_picture / tile_columns(a) * 4, left = in_picture % tile_columns(a) * 4;
    transform_tile(picture, part.x + sample * a.height * a.width * a.channels, top - a.pad_top,
                   left - a.pad_left, edge, x + t * kPart, kTransformed);
    for (std::int64_t f = 0; f < part.filters; f += kLanes)
      transform_gradients(a, part.dy + sample * a.out_height * a.out_width * a.filters + f, top, left,
                          dy + t * kPart + f);
  }
}

/// The gradients of a channel, which has number c in its part, from its products, whose points stand `step`
/// apart.
template <class Target>
bool finish(const Part& part, std::int64_t c, const float* products, std::int64_t step,
            const Target& target) {
  bool fine = true;
  for (std::int64_t f = 0; f < part.filters; f += kLanes) {
    Floats columns[kSide][3];
#pragma GCC unroll 6
    for (int v = 0; v < kSide; ++v) {
      Floats u[kSide];
#pragma GCC unroll 6
      for (int i = 0; i < kSide; ++i) u[i] = load(products + (i * kSide + v) * step + f);
      transform_back(u, columns[v]);
    }
#pragma GCC unroll 3
    for (int i = 0; i < 3; ++i) {
      Floats u[kSide], row[3];
#pragma GCC unroll 6
      for (int v = 0; v < kSide; ++v) u[v] = columns[v][i];
      transform_back(u, row);
#pragma GCC unroll 3
      for (int v = 0; v < 3; ++v)
        fine &= target.take((i * 3 + v) * part.tap_step + c * part.channel_step + f, row[v]);
    }
  }
  return fine;
}

template <class Target>
bool form(const Args& a, const Part& part, float* workspace, const Target& target) {
  float* x = workspace;                           // [kPoints, tiles, kPart]
  float* dy = x + kPoints * kTransformed;         // the same
  float* products = dy + kPoints * kTransformed;  // [kPoints, kPart, kPart]
  float* edge = products + kPoints * kProducts;   // a tile
  const std::int64_t tiles = part.samples * tile_rows(a) * tile_columns(a);
  const std::int64_t last_chunk = (tiles - 1) / kTiles * kTiles;
  // Where all tiles are transformed at once, few rows' products at a time stay in a nearer cache.
  const std::int64_t step = last_chunk == 0 ? kRows * kPart + kLanes : kProducts;
  bool fine = true;
  for (std::int64_t first = 0; first < tiles; first += kTiles) {
    const std::int64_t count = smaller(tiles - first, kTiles);
    transform(a, part, first, count, edge, x, dy);
    for (std::int64_t c = 0; c < part.channels; c += kRows) {
      float* const rows = last_chunk == 0 ? products : products + c * kPart;
      multiply_rows(part, count, x + c, dy, first > 0, rows, step);
      if (first == last_chunk)
        for (int r = 0; r < kRows; ++r) fine &= finish(part, c + r, rows + r * kPart, step, target);
    }
  }
  return fine;
}

}  // namespace

std::int64_t weight_workspace() { return kPoints * (2 * kTransformed + kProducts + kPart); }

void weight_gradient(const Args& args, const Part& part, float* workspace, float* dkernel) {
  form(args, part, workspace, ToFloats{dkernel});
}

bool accumulate_weight_gradient(const Args& args, const Part& part, float limit, float* workspace,
                                std::int64_t* sum) {
  return form(args, part, workspace, ToExact{sum, limit});
}

}  // namespace convoy::simd::CONVOY_SIMD_ISA::winograd
