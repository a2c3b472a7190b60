#include "core/cpu/simd/functions.h"
#include "core/cpu/simd/vector.h"

// Matrix products for the few rows of a slice, where a general library spends its time packing. Register
// tiles are sized for 16 accumulators or fewer.

namespace convoy::simd::CONVOY_SIMD_ISA {

namespace {

/// Columns of a tile: whole vectors, or the rest of a row in one.
template <bool kWhole>
CONVOY_INLINE Floats load_columns(const float* from, int count) {
  return kWhole ? load(from) : load_first(from, count);
}
template <bool kWhole>
CONVOY_INLINE void store_columns(float* to, Floats values, int count) {
  if (kWhole)
    store(to, values);
  else
    store_first(to, values, count);
}

/// y[r, n] = bias[n] + sum over k of x[r * x_row + k * x_step] * w[k, n], for kRows rows and kVectors vectors
/// of columns (or the first `count` columns).
template <int kRows, int kVectors, bool kWhole>
CONVOY_INLINE void product_tile(std::int64_t inner, std::int64_t columns, int count, const float* x,
                                std::int64_t x_row, std::int64_t x_step, const float* w, const float* bias,
                                float* y) {
  Floats sums[kRows][kVectors];
  for (int r = 0; r < kRows; ++r)
    for (int v = 0; v < kVectors; ++v)
      sums[r][v] = bias ? load_columns<kWhole>(bias + v * kLanes, count) : Floats{};
  for (std::int64_t k = 0; k < inner; ++k, x += x_step, w += columns) {
    Floats weights[kVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) weights[v] = load_columns<kWhole>(w + v * kLanes, count);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const Floats value = broadcast(x[r * x_row]);
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) sums[r][v] = multiply_add(value, weights[v], sums[r][v]);
    }
  }
  for (int r = 0; r < kRows; ++r)
    for (int v = 0; v < kVectors; ++v) store_columns<kWhole>(y + r * columns + v * kLanes, sums[r][v], count);
}

/// All columns of kRows rows.
template <int kRows>
void product_rows(std::int64_t inner, std::int64_t columns, const float* x, std::int64_t x_row,
                  std::int64_t x_step, const float* w, const float* bias, float* y) {
  constexpr int kAccumulators = kLanes == 16 ? 16 : 8;
  constexpr int kVectors = kAccumulators / kRows < 4 ? kAccumulators / kRows : 4;
  std::int64_t n = 0;
  for (; n + kVectors * kLanes <= columns; n += kVectors * kLanes)
    product_tile<kRows, kVectors, true>(inner, columns, 0, x, x_row, x_step, w + n, bias ? bias + n : bias,
                                        y + n);
  for (; n + kLanes <= columns; n += kLanes)
    product_tile<kRows, 1, true>(inner, columns, 0, x, x_row, x_step, w + n, bias ? bias + n : bias, y + n);
  if (n < columns)
    product_tile<kRows, 1, false>(inner, columns, static_cast<int>(columns - n), x, x_row, x_step, w + n,
                                  bias ? bias + n : bias, y + n);
}

/// y = x * w + bias with x[r, k] at x[r * x_row + k * x_step].
void product(std::int64_t rows, std::int64_t inner, std::int64_t columns, const float* x, std::int64_t x_row,
             std::int64_t x_step, const float* w, const float* bias, float* y) {
  const auto tile = [&](auto* rows_of_tile, std::int64_t count) {
    rows_of_tile(inner, columns, x, x_row, x_step, w, bias, y);
    x += count * x_row;
    y += count * columns;
    rows -= count;
  };
  if (kLanes == 16)
    while (rows >= 8) tile(product_rows<8>, 8);
  while (rows >= 4) tile(product_rows<4>, 4);
  while (rows >= 2) tile(product_rows<2>, 2);
  while (rows >= 1) tile(product_rows<1>, 1);
}

/// dx[k] = sum over n of dy[n] * w[k, n], for kLanes values of k (or the first `count`).
template <bool kWhole>
CONVOY_INLINE void dot_products(std::int64_t columns, int count, const float* dy, const float* w, float* dx) {
  Floats sums[kLanes] = {};
  const auto add = [&](Floats gradient, auto load_weights, std::int64_t n) __attribute__((always_inline)) {
    if (kWhole) {
#pragma GCC unroll 16
      for (int k = 0; k < kLanes; ++k)
        sums[k] = multiply_add(gradient, load_weights(w + k * columns + n), sums[k]);
    } else {
      for (int k = 0; k < count; ++k)
        sums[k] = multiply_add(gradient, load_weights(w + k * columns + n), sums[k]);
    }
  };
  std::int64_t n = 0;
  for (; n + kLanes <= columns; n += kLanes)
    add(
        load(dy + n), [](const float* from) { return load(from); }, n);
  if (const int rest = static_cast<int>(columns - n))
    add(
        load_first(dy + n, rest), [rest](const float* from) { return load_first(from, rest); }, n);
  store_columns<kWhole>(dx, sums_of_lanes(sums), count);
}

}  // namespace

void matrix_product(std::int64_t rows, std::int64_t inner, std::int64_t columns, const float* x,
                    const float* w, const float* bias, float* y) {
  product(rows, inner, columns, x, inner, 1, w, bias, y);
}

void weight_gradient(std::int64_t rows, std::int64_t x_row, std::int64_t inner, std::int64_t columns,
                     const float* x, const float* dy, float* dw) {
  product(inner, rows, columns, x, 1, x_row, dy, nullptr, dw);
}

void data_gradient(std::int64_t rows, std::int64_t inner, std::int64_t columns, const float* dy,
                   const float* w, float* dx) {
  // The weights of kLanes values of k stay in the first-level cache for all rows.
  std::int64_t k = 0;
  for (; k + kLanes <= inner; k += kLanes)
    for (std::int64_t m = 0; m < rows; ++m)
      dot_products<true>(columns, 0, dy + m * columns, w + k * columns, dx + m * inner + k);
  if (k < inner)
    for (std::int64_t m = 0; m < rows; ++m)
      dot_products<false>(columns, static_cast<int>(inner - k), dy + m * columns, w + k * columns,
                          dx + m * inner + k);
}

void column_sums(std::int64_t rows, std::int64_t columns, const float* y, float* sums) {
  for (std::int64_t n = 0; n < columns; ++n) sums[n] = 0.0F;
  for (std::int64_t m = 0; m < rows; ++m)
    for (std::int64_t n = 0; n < columns; ++n) sums[n] += y[m * columns + n];
}

}  // namespace convoy::simd::CONVOY_SIMD_ISA
