#include "core/cpu/simd/convolution.h"

#include "core/cpu/simd/functions.h"

// Direct convolutions: for some pixels at a time, tap by tap, the rows of a matrix product are those pixels
// that the tap finds a partner for. Nothing is copied but the weights, and padding is never multiplied.

namespace convoy::simd::CONVOY_SIMD_ISA {

namespace {

using Args = ConvolutionArgs;

constexpr std::int64_t kPixels = 256;  ///< at a time: what they sum to stays in the second cache
constexpr std::int64_t kInner = 128;   ///< of the weights at a time: a panel of them stays in the first
constexpr int kVectors = kVectorBytes == 64 ? 4 : 2;
constexpr int kColumns = kVectors * kLanes;
constexpr int kRows = kVectorBytes >= 32 ? 6 : 4;

std::int64_t smaller(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

/// Pixels of one tap and their partners.
struct Rows {
  std::int64_t count = 0;
  const float* from[kPixels];
  float* to[kPixels];
};

/// to[r][n] += sum over k of from[r][k] * panel[k, n], for kCount rows and kWidth vectors (the last one's
/// first `rest` lanes, unless kWhole).
template <int kCount, int kWidth, bool kWhole>
CONVOY_INLINE void add_products(const float* const* from, float* const* to, std::int64_t column,
                                const float* panel, std::int64_t inner, int rest) {
  Floats sums[kCount][kWidth] = {};
  const float* x[kCount];
#pragma GCC unroll 8
  for (int r = 0; r < kCount; ++r) x[r] = from[r];
  for (std::int64_t k = 0; k < inner; ++k, panel += kWidth * kLanes) {
    Floats weights[kWidth];
#pragma GCC unroll 4
    for (int v = 0; v < kWidth; ++v) weights[v] = load(panel + v * kLanes);
#pragma GCC unroll 8
    for (int r = 0; r < kCount; ++r) {
      const Floats value = broadcast(x[r][k]);
#pragma GCC unroll 4
      for (int v = 0; v < kWidth; ++v) sums[r][v] = multiply_add(value, weights[v], sums[r][v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kCount; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < kWidth; ++v) {
      float* const place = to[r] + column + v * kLanes;
      if (kWhole)
        store(place, load(place) + sums[r][v]);
      else
        store_first(place, load_first(place, rest) + sums[r][v], rest);
    }
}

/// All rows, for the columns from `column` on.
template <int kWidth, bool kWhole>
void add_panel(const Rows& rows, std::int64_t first, std::int64_t column, const float* panel,
               std::int64_t inner, int rest = 0) {
  const float* from[kRows];
  std::int64_t r = 0;
  const auto take = [&](int count) {
    for (int i = 0; i < count; ++i) from[i] = rows.from[r + i] + first;
  };
  for (; r + kRows <= rows.count; r += kRows) {
    take(kRows);
    add_products<kRows, kWidth, kWhole>(from, rows.to + r, column, panel, inner, rest);
  }
  for (; r + 2 <= rows.count; r += 2) {
    take(2);
    add_products<2, kWidth, kWhole>(from, rows.to + r, column, panel, inner, rest);
  }
  if (r < rows.count) {
    take(1);
    add_products<1, kWidth, kWhole>(from, rows.to + r, column, panel, inner, rest);
  }
}

/// One direction of a convolution: what is computed, from what.
struct Plane {
  std::int64_t height, width, channels;
  std::int64_t pixels() const { return height * width; }
};

/// y from x.
struct Forward {
  static Plane to(const Args& a) { return {a.out_height, a.out_width, a.filters}; }
  static Plane from(const Args& a) { return {a.height, a.width, a.channels}; }
  /// The place on an axis whose value a tap takes to place `at`; outside of the axis where there is none.
  static std::int64_t partner(std::int64_t at, std::int64_t stride, std::int64_t tap, std::int64_t pad) {
    return at * stride + tap - pad;
  }
  /// panel[k, n] = the tap's weight of channel k and filter n, from `inner` and `column` on; zero beyond.
  static void pack(const Args& a, const float* tap, std::int64_t first, std::int64_t inner,
                   std::int64_t column, int vectors, float* panel) {
    for (std::int64_t k = 0; k < inner; ++k)
      for (int v = 0; v < vectors; ++v, panel += kLanes) {
        const std::int64_t n = column + v * kLanes, rest = a.filters - n;
        const float* from = tap + (first + k) * a.filters + n;
        store(panel, rest >= kLanes ? load(from) : load_first(from, static_cast<int>(rest)));
      }
  }
};

/// dx from dy.
struct Backward {
  static Plane to(const Args& a) { return {a.height, a.width, a.channels}; }
  static Plane from(const Args& a) { return {a.out_height, a.out_width, a.filters}; }
  static std::int64_t partner(std::int64_t at, std::int64_t stride, std::int64_t tap, std::int64_t pad) {
    const std::int64_t place = at + pad - tap;
    return place % stride == 0 ? place / stride : -1;
  }
  /// The same with the filters as rows.
  static void pack(const Args& a, const float* tap, std::int64_t first, std::int64_t inner,
                   std::int64_t column, int vectors, float* panel) {
    for (int v = 0; v < vectors; ++v)
      for (std::int64_t k = 0; k < inner; k += kLanes) {
        Floats block[kLanes] = {};
        for (int i = 0; i < kLanes; ++i) {
          const std::int64_t channel = column + v * kLanes + i;
          if (channel >= a.channels) break;
          const float* from = tap + channel * a.filters + first + k;
          block[i] = inner - k >= kLanes ? load(from) : load_first(from, static_cast<int>(inner - k));
        }
        transpose(block);
        for (int i = 0; i < smaller(kLanes, inner - k); ++i)
          store(panel + ((k + i) * vectors + v) * kLanes, block[i]);
      }
  }
};

/// Those of the pixels [first, last) of all samples, counted through, that find a partner through the tap.
template <class Direction>
void find_rows(const Args& a, std::int64_t tap_y, std::int64_t tap_x, std::int64_t first, std::int64_t last,
               const float* const* x, float* const* y, Rows& rows) {
  const Plane to = Direction::to(a), from = Direction::from(a);
  rows.count = 0;
  for (std::int64_t at = first; at < last;) {
    const std::int64_t sample = at / to.pixels(), row = at % to.pixels() / to.width, begin = at % to.width;
    const std::int64_t end = smaller(to.width, begin + last - at);
    at += end - begin;
    const std::int64_t i = Direction::partner(row, a.stride_y, tap_y * a.dilation_y, a.pad_top);
    if (i < 0 || i >= from.height) continue;
    for (std::int64_t column = begin; column < end; ++column) {
      const std::int64_t j = Direction::partner(column, a.stride_x, tap_x * a.dilation_x, a.pad_left);
      if (j < 0 || j >= from.width) continue;
      rows.from[rows.count] = x[sample] + (i * from.width + j) * from.channels;
      rows.to[rows.count++] = y[sample] + (row * to.width + column) * to.channels;
    }
  }
}

/// What one tap adds to its rows.
template <class Direction>
void add_tap(const Args& a, const float* tap, const Rows& rows) {
  const std::int64_t inner = Direction::from(a).channels, columns = Direction::to(a).channels;
  alignas(64) float panel[kInner * kColumns];
  for (std::int64_t first = 0; first < inner; first += kInner) {
    const std::int64_t count = smaller(inner - first, kInner);
    std::int64_t n = 0;
    for (; n + kColumns <= columns; n += kColumns) {
      Direction::pack(a, tap, first, count, n, kVectors, panel);
      add_panel<kVectors, true>(rows, first, n, panel, count);
    }
    for (; n < columns; n += kLanes) {
      Direction::pack(a, tap, first, count, n, 1, panel);
      if (n + kLanes <= columns)
        add_panel<1, true>(rows, first, n, panel, count);
      else
        add_panel<1, false>(rows, first, n, panel, count, static_cast<int>(columns - n));
    }
  }
}

void begin_pixel(const Plane& to, const float* bias, float* y) {
  for (std::int64_t c = 0; c < to.channels; ++c) y[c] = bias ? bias[c] : 0.0F;
}

template <class Direction>
void convolve(const Args& a, std::int64_t samples, const float* const* x, const float* kernel,
              const float* bias, bool relu, float* const* y) {
  const Plane to = Direction::to(a);
  const auto each_pixel = [&](std::int64_t first, std::int64_t last, const auto& work) {
    for (std::int64_t at = first; at < last; ++at) work(y[at / to.pixels()] + at % to.pixels() * to.channels);
  };
  Rows rows;
  for (std::int64_t first = 0, all = samples * to.pixels(); first < all; first += kPixels) {
    const std::int64_t last = smaller(all, first + kPixels);
    each_pixel(first, last, [&](float* pixel) { begin_pixel(to, bias, pixel); });
    for (std::int64_t tap_y = 0; tap_y < a.window_height; ++tap_y)
      for (std::int64_t tap_x = 0; tap_x < a.window_width; ++tap_x) {
        find_rows<Direction>(a, tap_y, tap_x, first, last, x, y, rows);
        add_tap<Direction>(a, kernel + (tap_y * a.window_width + tap_x) * a.channels * a.filters, rows);
      }
    if (relu)
      each_pixel(first, last, [&](float* pixel) {
        for (std::int64_t c = 0; c < to.channels; ++c) pixel[c] = pixel[c] < 0.0F ? 0.0F : pixel[c];
      });
  }
}

}  // namespace

namespace direct {

void forward(const Args& a, std::int64_t samples, const float* const* x, const float* kernel,
             const float* bias, bool relu, float* const* y) {
  convolve<Forward>(a, samples, x, kernel, bias, relu, y);
}

void data_gradient(const Args& a, std::int64_t samples, const float* const* dy, const float* kernel,
                   float* const* dx) {
  convolve<Backward>(a, samples, dy, kernel, nullptr, false, dx);
}

}  // namespace direct

Convolution convolution() {
  return {direct::forward, direct::data_gradient, direct::weight_gradient,
          direct::accumulate_weight_gradient};
}

}  // namespace convoy::simd::CONVOY_SIMD_ISA
