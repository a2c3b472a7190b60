#include "core/cpu/simd/functions.h"
#include "core/cpu/simd/vector.h"

// Matrix products for the few rows of a slice, where a general library spends its time packing. Register tiles are sized
// for 16 accumulators or fewer.

namespace convoy::simd::CONVOY_SIMD_ISA {

namespace {

/// kRows rows by kVectors vectors of columns, all of k.
template <int kRows, int kVectors>
CONVOY_INLINE void product_tile(std::int64_t inner, std::int64_t columns, const float* x, const float* w,
                                const float* bias, float* y) {
  Floats sums[kRows][kVectors];
  for (int r = 0; r < kRows; ++r)
    for (int v = 0; v < kVectors; ++v) sums[r][v] = bias ? load(bias + v * kLanes) : Floats{};
  for (std::int64_t k = 0; k < inner; ++k) {
    Floats weights[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) weights[v] = load(w + k * columns + v * kLanes);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const Floats value = broadcast(x[r * inner + k]);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sums[r][v] = multiply_add(value, weights[v], sums[r][v]);
    }
  }
  for (int r = 0; r < kRows; ++r)
    for (int v = 0; v < kVectors; ++v) store(y + r * columns + v * kLanes, sums[r][v]);
}

template <int kRows>
void product_rows(std::int64_t inner, std::int64_t columns, const float* x, const float* w, const float* bias, float* y) {
  std::int64_t n = 0;
  for (; n + 2 * kLanes <= columns; n += 2 * kLanes)
    product_tile<kRows, 2>(inner, columns, x, w + n, bias ? bias + n : nullptr, y + n);
  for (; n + kLanes <= columns; n += kLanes)
    product_tile<kRows, 1>(inner, columns, x, w + n, bias ? bias + n : nullptr, y + n);
  for (; n < columns; ++n)
    for (int r = 0; r < kRows; ++r) {
      float sum = bias ? bias[n] : 0.0F;
      for (std::int64_t k = 0; k < inner; ++k) sum = multiply_add(x[r * inner + k], w[k * columns + n], sum);
      y[r * columns + n] = sum;
    }
}

/// kRows of w, sums over m.
template <int kRows, int kVectors>
CONVOY_INLINE void transposed_tile(std::int64_t rows, std::int64_t inner, std::int64_t columns, const float* x,
                                   const float* y, float* w) {
  Floats sums[kRows][kVectors] = {};
  for (std::int64_t m = 0; m < rows; ++m) {
    Floats values[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) values[v] = load(y + m * columns + v * kLanes);
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      const Floats factor = broadcast(x[m * inner + r]);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sums[r][v] = multiply_add(factor, values[v], sums[r][v]);
    }
  }
  for (int r = 0; r < kRows; ++r)
    for (int v = 0; v < kVectors; ++v) store(w + r * columns + v * kLanes, sums[r][v]);
}

template <int kRows>
void transposed_rows(std::int64_t rows, std::int64_t inner, std::int64_t columns, const float* x, const float* y,
                     float* w) {
  constexpr int kVectors = kLanes == 16 ? 4 : 2;
  std::int64_t n = 0;
  for (; n + kVectors * kLanes <= columns; n += kVectors * kLanes)
    transposed_tile<kRows, kVectors>(rows, inner, columns, x, y + n, w + n);
  for (; n + kLanes <= columns; n += kLanes) transposed_tile<kRows, 1>(rows, inner, columns, x, y + n, w + n);
  for (; n < columns; ++n)
    for (int r = 0; r < kRows; ++r) {
      float sum = 0.0F;
      for (std::int64_t m = 0; m < rows; ++m) sum = multiply_add(x[m * inner + r], y[m * columns + n], sum);
      w[r * columns + n] = sum;
    }
}

}  // namespace

void matrix_product(std::int64_t rows, std::int64_t inner, std::int64_t columns, const float* x, const float* w,
                    const float* bias, float* y) {
  constexpr int kRows = kLanes == 16 ? 8 : 4;
  std::int64_t m = 0;
  for (; m + kRows <= rows; m += kRows) product_rows<kRows>(inner, columns, x + m * inner, w, bias, y + m * columns);
  for (; m < rows; ++m) product_rows<1>(inner, columns, x + m * inner, w, bias, y + m * columns);
}

void transposed_product(std::int64_t rows, std::int64_t inner, std::int64_t columns, const float* x, const float* y,
                        float* w) {
  std::int64_t k = 0;
  for (; k + 4 <= inner; k += 4) transposed_rows<4>(rows, inner, columns, x + k, y, w + k * columns);
  for (; k < inner; ++k) transposed_rows<1>(rows, inner, columns, x + k, y, w + k * columns);
}

void column_sums(std::int64_t rows, std::int64_t columns, const float* y, float* sums) {
  for (std::int64_t n = 0; n < columns; ++n) sums[n] = 0.0F;
  for (std::int64_t m = 0; m < rows; ++m)
    for (std::int64_t n = 0; n < columns; ++n) sums[n] += y[m * columns + n];
}

void transpose(std::int64_t rows, std::int64_t columns, const float* from, float* to) {
  constexpr std::int64_t kTile = 16;
  for (std::int64_t r0 = 0; r0 < rows; r0 += kTile)
    for (std::int64_t c0 = 0; c0 < columns; c0 += kTile) {
      const std::int64_t r1 = r0 + kTile < rows ? r0 + kTile : rows, c1 = c0 + kTile < columns ? c0 + kTile : columns;
      for (std::int64_t c = c0; c < c1; ++c)
        for (std::int64_t r = r0; r < r1; ++r) to[c * rows + r] = from[r * columns + c];
    }
}

}  // namespace convoy::simd::CONVOY_SIMD_ISA
