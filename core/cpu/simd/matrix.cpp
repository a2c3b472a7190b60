#include "core/cpu/simd/exact.h"
#include "core/cpu/simd/functions.h"
#include "core/cpu/simd/row_products.h"

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

/// What a product reads and writes: y = bias + x * w with x[r, k] at x[r * x_row + k * x_step], w[k, n] at
/// w[k * w_row + n], y[r, n] at y[r * y_row + n]. Without `bias`, what is in y goes on if `onto`.
struct Product {
  std::int64_t inner, columns;
  const float* x;
  std::int64_t x_row, x_step;
  const float* w;
  std::int64_t w_row;
  const float* bias;
  float* y;
  std::int64_t y_row;
  bool onto = false;

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
                   : p.onto ? load_columns<kWhole>(p.y + r * p.y_row + v * kLanes, count)
                            : Floats{};
  const float *x = p.x, *w = p.w;
  for (std::int64_t k = 0; k < p.inner; ++k, x += p.x_step, w += p.w_row) {
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
      store_columns<kWhole>(p.y + r * p.y_row + v * kLanes, sums[r][v], count);
}

/// Some columns of all rows, a few rows at a time.
template <int kVectors, bool kWhole>
void product_columns(Product p, std::int64_t rows, int count = 0) {
  const auto next = [&](std::int64_t taken) {
    p.x += taken * p.x_row;
    p.y += taken * p.y_row;
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
    p.w += p.inner * p.w_row;
    p.bias = nullptr;
    p.onto = true;
  }
}

/// Adds a product to `sum` as accumulate_exact() does, by way of memory.
template <int kElements>
bool accumulate_part(Product part, std::int64_t rows, float limit, std::int64_t* sum, std::int64_t sum_row) {
  float values[kElements];
  part.y = values;
  product(part, rows);
  bool summed = true;
  for (std::int64_t r = 0; r < rows; ++r)
    summed &= accumulate_exact(sum + r * sum_row, values + r * part.columns,
                               static_cast<std::size_t>(part.columns), limit);
  return summed;
}

#if defined(__AVX512DQ__)
/// The same in registers.
template <int kRows, int kVectors>
bool accumulate_tile(const Product& p, float limit, std::int64_t* sum, std::int64_t sum_row) {
  Floats sums[kRows][kVectors] = {};
  const float *x = p.x, *w = p.w;
  for (std::int64_t k = 0; k < p.inner; ++k, x += p.x_step, w += p.w_row) {
    Floats weights[kVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) weights[v] = load(w + v * kLanes);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const Floats value = broadcast(x[r]);
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) sums[r][v] = multiply_add(value, weights[v], sums[r][v]);
    }
  }
  __mmask16 over = 0;
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v)
      over |= add_exact(sum + r * sum_row + v * kLanes, sums[r][v], _mm512_set1_ps(limit));
  return over == 0;
}
#endif

/// dx[m][k + i] = sum over n of dy[m][n] * w[i, n], for kSamples samples m and kLanes / kSamples rows i of w
/// (or the first `rows`). Each sum has a register, whose lanes are added at the end: the bits are the same
/// for any kSamples.
template <int kSamples, bool kWhole>
CONVOY_INLINE void dot_products(std::int64_t columns, int rows, const float* const* dy, const float* w,
                                float* const* dx, std::int64_t k) {
  constexpr int kRows = kLanes / kSamples;
  Floats sums[kLanes] = {};
  const auto add = [&](auto load_values, std::int64_t n) __attribute__((always_inline)) {
    Floats gradients[kSamples];
#pragma GCC unroll 4
    for (int m = 0; m < kSamples; ++m) gradients[m] = load_values(dy[m] + n);
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      const Floats weights = load_values(w + (kWhole || i < rows ? i : 0) * columns + n);
#pragma GCC unroll 4
      for (int m = 0; m < kSamples; ++m)
        sums[m * kRows + i] = multiply_add(gradients[m], weights, sums[m * kRows + i]);
    }
  };
  std::int64_t n = 0;
  for (; n + kLanes <= columns; n += kLanes) add([](const float* from) { return load(from); }, n);
  if (const int rest = static_cast<int>(columns - n))
    add([rest](const float* from) { return load_first(from, rest); }, n);
  float values[kLanes];
  store(values, sums_of_lanes(sums));
#pragma GCC unroll 4
  for (int m = 0; m < kSamples; ++m)
    __builtin_memcpy(dx[m] + k, values + m * kRows,
                     sizeof(float) * static_cast<std::size_t>(kWhole ? kRows : rows));
}

/// The same for any number of samples and kLanes rows of w (or the first `rows`), which stay in the
/// first-level cache.
template <int kSamples>
void gradient_tile(std::int64_t columns, int rows, std::int64_t samples, const float* const* dy,
                   const float* w, float* const* dx, std::int64_t k) {
  constexpr int kRows = kLanes / kSamples;
  for (; samples >= kSamples; samples -= kSamples, dy += kSamples, dx += kSamples) {
    int i = 0;
    for (; i + kRows <= rows; i += kRows)
      dot_products<kSamples, true>(columns, kRows, dy, w + i * columns, dx, k + i);
    if (i < rows) dot_products<kSamples, false>(columns, rows - i, dy, w + i * columns, dx, k + i);
  }
  if constexpr (kSamples > 1)
    if (samples > 0) gradient_tile<kSamples / 2>(columns, rows, samples, dy, w, dx, k);
}

}  // namespace

void matrix_product(std::int64_t rows, std::int64_t inner, std::int64_t columns, const float* const* x,
                    const float* w, const float* bias, float* const* y) {
  for (std::int64_t m = 0; m < rows; ++m)
    for (std::int64_t n = 0; n < columns; ++n) y[m][n] = bias ? bias[n] : 0.0F;
  for (std::int64_t first = 0; first < inner; first += kPanelInner) {
    const std::int64_t count = inner - first < kPanelInner ? inner - first : kPanelInner;
    const auto weights_of = [&](std::int64_t column, int) {
      return Panel{.weights = w + first * columns + column, .row = columns};
    };
    add_columns(columns, first, count, weights_of, rows, x, y);
  }
}

void weight_gradient(const WeightGradientArgs& a, float* dw) {
  product({a.rows, a.columns, a.x, 1, a.x_row, a.dy, a.columns, nullptr, dw, a.columns}, a.inner);
}

bool accumulate_weight_gradient(const WeightGradientArgs& a, float limit, std::int64_t* sum) {
  constexpr std::int64_t kRows = 4, kColumns = kLanes == 16 ? 64 : 256;
  bool summed = true;
  for (std::int64_t k = 0; k < a.inner; k += kRows)
    for (std::int64_t n = 0; n < a.columns; n += kColumns) {
      const std::int64_t rows = a.inner - k < kRows ? a.inner - k : kRows;
      const std::int64_t columns = a.columns - n < kColumns ? a.columns - n : kColumns;
      const Product part{a.rows,   columns,   a.x + k, 1,       a.x_row,
                         a.dy + n, a.columns, nullptr, nullptr, columns};
      std::int64_t* to = sum + k * a.columns + n;
#if defined(__AVX512DQ__)
      if (rows == kRows && columns == kColumns) {
        summed &= accumulate_tile<kRows, kColumns / kLanes>(part, limit, to, a.columns);
        continue;
      }
#endif
      summed &= accumulate_part<kRows * kColumns>(part, rows, limit, to, a.columns);
    }
  return summed;
}

void data_gradient(std::int64_t rows, std::int64_t inner, std::int64_t columns, const float* const* dy,
                   const float* w, float* const* dx) {
  for (std::int64_t k = 0; k < inner; k += kLanes)
    gradient_tile<4>(columns, static_cast<int>(inner - k < kLanes ? inner - k : kLanes), rows, dy,
                     w + k * columns, dx, k);
}

void column_sums(std::int64_t rows, std::int64_t columns, const float* y, float* sums) {
  constexpr std::int64_t kRows = 128;
  const auto add = [&](std::int64_t n, auto load_values, auto store_values) __attribute__((always_inline)) {
    Floats total = {};
    for (std::int64_t first = 0; first < rows; first += kRows) {
      Floats sum = {};
      for (std::int64_t m = first; m < rows && m < first + kRows; ++m)
        sum += load_values(y + m * columns + n);
      total += sum;
    }
    store_values(sums + n, total);
  };
  std::int64_t n = 0;
  for (; n + kLanes <= columns; n += kLanes) add(n, load, store);
  const int rest = static_cast<int>(columns - n);
  if (rest > 0)
    add(
        n, [rest](const float* from) { return load_first(from, rest); },
        [rest](float* to, Floats values) { store_first(to, values, rest); });
}

}  // namespace convoy::simd::CONVOY_SIMD_ISA
