#include "core/cpu/simd/functions.h"
#include "core/cpu/simd/vector.h"

namespace convoy::simd::CONVOY_SIMD_ISA {

namespace {

/// Some channels of an image: whole vectors, or the rest in one.
template <bool kWhole>
struct Lanes {
  int count;
  CONVOY_INLINE Floats read(const float* from) const { return kWhole ? load(from) : load_first(from, count); }
  CONVOY_INLINE void write(float* to, Floats values) const {
    if (kWhole)
      store(to, values);
    else
      store_first(to, values, count);
  }
};

/// Calls work(first channel, lanes) for blocks of channels.
template <class Work>
CONVOY_INLINE void each_block(std::int64_t channels, const Work& work) {
  std::int64_t c = 0;
  for (; c + kLanes <= channels; c += kLanes) work(c, Lanes<true>{kLanes});
  if (c < channels) work(c, Lanes<false>{static_cast<int>(channels - c)});
}

/// The taps u of a window at `start` that lie in [0, extent): [first, last).
struct Taps {
  std::int64_t first, last;
};
CONVOY_INLINE Taps taps_inside(std::int64_t start, std::int64_t window, std::int64_t dilation,
                               std::int64_t extent) {
  Taps taps;
  taps.first = start < 0 ? (-start + dilation - 1) / dilation : 0;
  taps.last = start >= extent ? 0 : (extent - start + dilation - 1) / dilation;
  if (taps.last > window) taps.last = window;
  return taps;
}

/// Calls visit(offset of the window's pixel in the image, offset of its tap in the kernel) for a window's
/// taps inside.
template <class Visit>
CONVOY_INLINE void each_tap(const DepthwiseArgs& a, std::int64_t oy, std::int64_t ox, const Visit& visit) {
  const std::int64_t top = oy * a.stride_y - a.pad_top, left = ox * a.stride_x - a.pad_left;
  const Taps rows = taps_inside(top, a.window_height, a.dilation_y, a.height);
  const Taps columns = taps_inside(left, a.window_width, a.dilation_x, a.width);
  for (std::int64_t u = rows.first; u < rows.last; ++u)
    for (std::int64_t v = columns.first; v < columns.last; ++v)
      visit(((top + u * a.dilation_y) * a.width + left + v * a.dilation_x) * a.channels,
            (u * a.window_width + v) * a.channels);
}

/// Calls visit(offset of the sample's input, oy, ox, offset of the output pixel) for every output pixel.
template <class Visit>
CONVOY_INLINE void each_output(const DepthwiseArgs& a, const Visit& visit) {
  std::int64_t out = 0;
  for (std::int64_t n = 0; n < a.samples; ++n)
    for (std::int64_t oy = 0; oy < a.out_height; ++oy)
      for (std::int64_t ox = 0; ox < a.out_width; ++ox, out += a.channels)
        visit(n * a.height * a.width * a.channels, oy, ox, out);
}

/// The gradient of the tap (u, v) for some channels: a sum for each row of the output, then over rows.
template <class Part>
CONVOY_INLINE Floats tap_gradient(const DepthwiseArgs& a, std::int64_t u, std::int64_t v, const Part& lanes,
                                  const float* x, const float* dy) {
  Floats total = {};
  for (std::int64_t n = 0; n < a.samples; ++n, x += a.height * a.width * a.channels)
    for (std::int64_t oy = 0; oy < a.out_height; ++oy, dy += a.out_width * a.channels) {
      const std::int64_t py = oy * a.stride_y + u * a.dilation_y - a.pad_top;
      if (py < 0 || py >= a.height) continue;
      Floats sum = {};
      for (std::int64_t ox = 0; ox < a.out_width; ++ox) {
        const std::int64_t px = ox * a.stride_x + v * a.dilation_x - a.pad_left;
        if (px < 0 || px >= a.width) continue;
        sum = multiply_add(lanes.read(x + (py * a.width + px) * a.channels), lanes.read(dy + ox * a.channels),
                           sum);
      }
      total += sum;
    }
  return total;
}

}  // namespace

void depthwise_forward(const DepthwiseArgs& args, const float* x, const float* kernel, const float* bias,
                       float* y) {
  const DepthwiseArgs a = args;
  each_output(a, [&](std::int64_t image, std::int64_t oy, std::int64_t ox, std::int64_t out) {
    each_block(
        a.channels, [&](std::int64_t c, auto lanes) __attribute__((always_inline)) {
          Floats sum = bias ? lanes.read(bias + c) : Floats{};
          each_tap(
              a, oy, ox, [&](std::int64_t pixel, std::int64_t tap) __attribute__((always_inline)) {
                sum = multiply_add(lanes.read(x + image + pixel + c), lanes.read(kernel + tap + c), sum);
              });
          lanes.write(y + out + c, sum);
        });
  });
}

void depthwise_data_gradient(const DepthwiseArgs& args, const float* dy, const float* kernel, float* dx) {
  const DepthwiseArgs a = args;
  __builtin_memset(dx, 0,
                   static_cast<std::size_t>(a.samples * a.height * a.width * a.channels) * sizeof(float));
  each_output(a, [&](std::int64_t image, std::int64_t oy, std::int64_t ox, std::int64_t out) {
    each_block(
        a.channels, [&](std::int64_t c, auto lanes) __attribute__((always_inline)) {
          const Floats gradient = lanes.read(dy + out + c);
          each_tap(
              a, oy, ox, [&](std::int64_t pixel, std::int64_t tap) __attribute__((always_inline)) {
                float* place = dx + image + pixel + c;
                lanes.write(place, multiply_add(gradient, lanes.read(kernel + tap + c), lanes.read(place)));
              });
        });
  });
}

void depthwise_weight_gradient(const DepthwiseArgs& args, const float* x, const float* dy, float* dkernel) {
  const DepthwiseArgs a = args;
  for (std::int64_t u = 0; u < a.window_height; ++u)
    for (std::int64_t v = 0; v < a.window_width; ++v, dkernel += a.channels)
      each_block(
          a.channels, [&](std::int64_t c, auto lanes) __attribute__((always_inline)) {
            lanes.write(dkernel + c, tap_gradient(a, u, v, lanes, x + c, dy + c));
          });
}

}  // namespace convoy::simd::CONVOY_SIMD_ISA
