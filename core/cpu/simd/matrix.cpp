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

/// What a product reads and writes: y = bias + x * w with x[r, k] at x[r * x_row + k * x_step]. Without
/// `bias`, what is in y goes on if `onto`.
struct Product {
  std::int64_t inner, columns;
  const float* x;
  std::int64_t x_row, x_step;
  const float *w, *bias;
  float* y;
  bool onto;

  Product at_column(std::int64_t n) const {
    Product part = *this;
    part.w += n;
    part.bias = bias ? bias + n : bias;
    part.y += n;
    return part;
  }
};

/// kRows rows and kVectors vectors of columns (or the first `count` columns).
template <int kRows, int kVectors, bool kWhole>
CONVOY_INLINE void product_tile(const Product& p, int count = 0) {
  Floats sums[kRows][kVectors];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v)
      sums[r][v] = p.bias   ? load_columns<kWhole>(p.bias + v * kLanes, count)
                   : p.onto ? load_columns<kWhole>(p.y + r * p.columns + v * kLanes, count)
                            : Floats{};
  const float *x = p.x, *w = p.w;
  for (std::int64_t k = 0; k < p.inner; ++k, x += p.x_step, w += p.columns) {
    Floats weights[kVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) weights[v] = load_columns<kWhole>(w + v * kLanes, count);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const Floats value = broadcast(x[r * p.x_row]);
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) sums[r][v] = multiply_add(value, weights[v], sums[r][v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v)
      store_columns<kWhole>(p.y + r * p.columns + v * kLanes, sums[r][v], count);
}

/// Some columns of all rows, a few rows at a time.
template <int kVectors, bool kWhole>
void product_columns(Product p, std::int64_t rows, int count = 0) {
  const auto next = [&](std::int64_t taken) {
    p.x += taken * p.x_row;
    p.y += taken * p.columns;
    rows -= taken;
  };
  for (; rows >= 4; next(4)) product_tile<4, kVectors, kWhole>(p, count);
  for (; rows >= 2; next(2)) product_tile<2, kVectors, kWhole>(p, count);
  for (; rows >= 1; next(1)) product_tile<1, kVectors, kWhole>(p, count);
}

/// All columns, with as much of w at a time as stays in the first-level cache for all rows.
void product(Product p, std::int64_t rows) {
  constexpr int kVectors = kLanes == 16 ? 4 : 2;
  constexpr std::int64_t kInner = 96;
  const std::int64_t inner = p.inner;
  for (std::int64_t k = 0; k < inner; k += kInner) {
    p.inner = inner - k < kInner ? inner - k : kInner;
    std::int64_t n = 0;
    for (; n + kVectors * kLanes <= p.columns; n += kVectors * kLanes)
      product_columns<kVectors, true>(p.at_column(n), rows);
    for (; n + kLanes <= p.columns; n += kLanes) product_columns<1, true>(p.at_column(n), rows);
    if (n < p.columns) product_columns<1, false>(p.at_column(n), rows, static_cast<int>(p.columns - n));
    p.x += p.inner * p.x_step;
    p.w += p.inner * p.columns;
    p.bias = nullptr;
    p.onto = true;
  }
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
  product({inner, columns, x, inner, 1, w, bias, y, false}, rows);
}

void weight_gradient(std::int64_t rows, std::int64_t x_row, std::int64_t inner, std::int64_t columns,
                     const float* x, const float* dy, float* dw) {
  product({rows, columns, x, 1, x_row, dy, nullptr, dw, false}, inner);
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
