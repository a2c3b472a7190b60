#include "core/cpu/simd/convolution.h"

#include "core/cpu/simd/functions.h"
#include "core/cpu/simd/row_products.h"

// Direct convolutions: for some pixels at a time, tap by tap, the rows of a matrix product are those pixels
// that the tap finds a partner for. Nothing is copied but the weights, and padding is never multiplied.

namespace convoy::simd::CONVOY_SIMD_ISA {

namespace {

using Args = ConvolutionArgs;

constexpr std::int64_t kPixels = 256;  ///< at a time: what they sum to stays in the second cache

std::int64_t smaller(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

/// Pixels of one tap and their partners.
struct Rows {
  std::int64_t count = 0;
  const float* from[kPixels];
  float* to[kPixels];
};

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
  const std::int64_t inner = Direction::from(a).channels;
  alignas(64) float packed[kPanelInner * kPanelVectors * kLanes];
  for (std::int64_t first = 0; first < inner; first += kPanelInner) {
    const std::int64_t count = smaller(inner - first, kPanelInner);
    const auto weights_of = [&](std::int64_t column, int vectors) {
      Direction::pack(a, tap, first, count, column, vectors, packed);
      return Panel{.weights = packed, .row = vectors * kLanes};
    };
    add_columns(Direction::to(a).channels, first, count, weights_of, rows.count, rows.from, rows.to);
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
