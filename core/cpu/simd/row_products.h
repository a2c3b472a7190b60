#pragma once

#include "core/cpu/simd/vector.h"

// The matrix product that dense layers and convolutions share: rows that stand anywhere, times weights.

namespace convoy::simd::CONVOY_SIMD_ISA {

/// Vectors of columns at a time, and rows: as many as there are registers for sums.
inline constexpr int kPanelVectors = kVectorBytes == 64 ? 4 : 2;
inline constexpr int kPanelRows = kVectorBytes >= 32 ? 6 : 4;
/// Rows of weights that one sum in registers takes: a panel of them stays in the first-level cache, and
/// longer sums would round more.
inline constexpr std::int64_t kPanelInner = 128;

/// Weights [inner, vectors of columns], for the values of x from `first` and those of y from `column` on.
struct Panel {
  const float* weights = nullptr;
  std::int64_t row = 0;  ///< elements from one row of weights to the next
  std::int64_t inner = 0, first = 0, column = 0;
  int rest = 0;  ///< lanes of the last vector, where it is not whole
};

/// y[r][n] += sum over k of x[r][k] * weights[k, n], for kRows rows and kVectors vectors.
template <int kRows, int kVectors, bool kWhole>
static CONVOY_INLINE void add_products(const Panel& panel, const float* const* rows, float* const* y) {
  Floats sums[kRows][kVectors] = {};
  const float* x[kRows];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) x[r] = rows[r] + panel.first;
  const float* w = panel.weights;
  for (std::int64_t k = 0; k < panel.inner; ++k, w += panel.row) {
    Floats weights[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v)
      weights[v] = kWhole ? load(w + v * kLanes) : load_first(w + v * kLanes, panel.rest);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const Floats value = broadcast(x[r][k]);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sums[r][v] = multiply_add(value, weights[v], sums[r][v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      float* const to = y[r] + panel.column + v * kLanes;
      if (kWhole)
        store(to, load(to) + sums[r][v]);
      else
        store_first(to, load_first(to, panel.rest) + sums[r][v], panel.rest);
    }
}

/// The same for any number of rows.
template <int kVectors, bool kWhole>
static inline void add_rows(const Panel& panel, std::int64_t rows, const float* const* x, float* const* y) {
  std::int64_t r = 0;
  for (; r + kPanelRows <= rows; r += kPanelRows)
    add_products<kPanelRows, kVectors, kWhole>(panel, x + r, y + r);
  if (kPanelRows > 4)
    for (; r + 4 <= rows; r += 4) add_products<4, kVectors, kWhole>(panel, x + r, y + r);
  for (; r + 2 <= rows; r += 2) add_products<2, kVectors, kWhole>(panel, x + r, y + r);
  if (r < rows) add_products<1, kVectors, kWhole>(panel, x + r, y + r);
}

/// The columns of y from 0 to `columns`, panel by panel: weights_of(column, vectors) gives a panel's weights
/// and the elements of its rows.
static CONVOY_INLINE void add_columns(std::int64_t columns, std::int64_t first, std::int64_t inner,
                                      const auto& weights_of, std::int64_t rows, const float* const* x,
                                      float* const* y) {
  std::int64_t n = 0;
  const auto panel = [&](int vectors) {
    Panel next = weights_of(n, vectors);
    next.inner = inner;
    next.first = first;
    next.column = n;
    next.rest = static_cast<int>(columns - n);
    return next;
  };
  for (; n + kPanelVectors * kLanes <= columns; n += kPanelVectors * kLanes)
    add_rows<kPanelVectors, true>(panel(kPanelVectors), rows, x, y);
  for (; n + kLanes <= columns; n += kLanes) add_rows<1, true>(panel(1), rows, x, y);
  if (n < columns) add_rows<1, false>(panel(1), rows, x, y);
}

}  // namespace convoy::simd::CONVOY_SIMD_ISA
