#include "core/cpu/simd/functions.h"
#include "core/cpu/simd/vector.h"

namespace convoy::simd::CONVOY_SIMD_ISA {

namespace {

/// The part of a window that lies inside the image: pixels [y0, y1) x [x0, x1) of the image.
struct Inside {
  std::int64_t top, left;  // the window's first pixel, perhaps outside
  std::int64_t y0, y1, x0, x1;
};

CONVOY_INLINE Inside inside(const PoolArgs& a, std::int64_t oy, std::int64_t ox) {
  Inside w;
  w.top = oy * a.stride_y - a.pad_top;
  w.left = ox * a.stride_x - a.pad_left;
  w.y0 = w.top < 0 ? 0 : w.top;
  w.x0 = w.left < 0 ? 0 : w.left;
  w.y1 = w.top + a.window_height > a.height ? a.height : w.top + a.window_height;
  w.x1 = w.left + a.window_width > a.width ? a.width : w.left + a.window_width;
  return w;
}

/// A NaN counts as larger than every number, and the first of equal values wins.
CONVOY_INLINE bool exceeds(float value, float best) {
  return value > best || (value != value && best == best);
}

CONVOY_INLINE void pool_pixel(const PoolArgs& a, const Inside& w, const float* image, float* y,
                              std::uint8_t* position) {
  std::int64_t c = 0;
  for (; c + kLanes <= a.channels; c += kLanes) {
    const std::int64_t first = (w.y0 - w.top) * a.window_width + (w.x0 - w.left);
    Floats best = load(image + (w.y0 * a.width + w.x0) * a.channels + c);
    Ints where = Ints{} + static_cast<std::int32_t>(first);
    for (std::int64_t py = w.y0; py < w.y1; ++py)
      for (std::int64_t px = w.x0; px < w.x1; ++px) {
        const Floats value = load(image + (py * a.width + px) * a.channels + c);
        const Ints larger = (value > best) | ((value != value) & (best == best));
        best = larger ? value : best;
        where = larger ? Ints{} + static_cast<std::int32_t>((py - w.top) * a.window_width + (px - w.left))
                       : where;
      }
    store(y + c, best);
    if (position) store_bytes(position + c, where);
  }
  for (; c < a.channels; ++c) {
    float best = image[(w.y0 * a.width + w.x0) * a.channels + c];
    std::int64_t where = (w.y0 - w.top) * a.window_width + (w.x0 - w.left);
    for (std::int64_t py = w.y0; py < w.y1; ++py)
      for (std::int64_t px = w.x0; px < w.x1; ++px) {
        const float value = image[(py * a.width + px) * a.channels + c];
        if (!exceeds(value, best)) continue;
        best = value;
        where = (py - w.top) * a.window_width + (px - w.left);
      }
    y[c] = best;
    if (position) position[c] = static_cast<std::uint8_t>(where);
  }
}

CONVOY_INLINE void add(std::int64_t channels, const float* __restrict x, float* __restrict y) {
  for (std::int64_t c = 0; c < channels; ++c) y[c] += x[c];
}

/// Writes (or adds, where windows overlap) dy to the pixel of the window that position names, zero to its
/// others.
template <bool kAdd>
CONVOY_INLINE void unpool_pixel(const PoolArgs& a, const Inside& w, const float* dy,
                                const std::uint8_t* position, float* image) {
  const auto each_pixel = [&](const auto& visit) __attribute__((always_inline)) {
    for (std::int64_t py = w.y0; py < w.y1; ++py)
      for (std::int64_t px = w.x0; px < w.x1; ++px)
        visit(static_cast<std::int32_t>((py - w.top) * a.window_width + (px - w.left)),
              image + (py * a.width + px) * a.channels);
  };
  std::int64_t c = 0;
  for (; c + kLanes <= a.channels; c += kLanes) {
    const Ints where = load_bytes(position + c);
    const Floats gradient = load(dy + c);
    each_pixel([&](std::int32_t here, float* dx) __attribute__((always_inline)) {
      const Floats value = where == here ? gradient : Floats{};
      store(dx + c, kAdd ? load(dx + c) + value : value);
    });
  }
  for (; c < a.channels; ++c)
    each_pixel([&](std::int32_t here, float* dx) __attribute__((always_inline)) {
      const float value = position[c] == here ? dy[c] : 0.0F;
      dx[c] = kAdd ? dx[c] + value : value;
    });
}

/// The commonest case, known to the compiler: windows of 2x2 that lie side by side and wholly inside the
/// image.
bool is_halving(const PoolArgs& a) {
  return a.window_height == 2 && a.window_width == 2 && a.stride_y == 2 && a.stride_x == 2 &&
         a.pad_top == 0 && a.pad_left == 0 && a.out_height * 2 <= a.height && a.out_width * 2 <= a.width;
}
CONVOY_INLINE PoolArgs halving(PoolArgs a) {
  a.window_height = a.window_width = 2;
  return a;
}
CONVOY_INLINE Inside halving_window(std::int64_t oy, std::int64_t ox) {
  return {2 * oy, 2 * ox, 2 * oy, 2 * oy + 2, 2 * ox, 2 * ox + 2};
}

/// Calls visit(sample, oy, ox) for every output pixel.
template <class Visit>
CONVOY_INLINE void each_output(const PoolArgs& a, const Visit& visit) {
  for (std::int64_t n = 0; n < a.samples; ++n)
    for (std::int64_t oy = 0; oy < a.out_height; ++oy)
      for (std::int64_t ox = 0; ox < a.out_width; ++ox) visit(n, oy, ox);
}

}  // namespace

void max_pool_forward(const PoolArgs& args, const float* x, float* y, std::uint8_t* position) {
  const PoolArgs a = args;
  const std::int64_t image = a.height * a.width * a.channels;
  const auto pool = [&](const PoolArgs& known, const Inside& w, std::int64_t n)
      __attribute__((always_inline)) {
    pool_pixel(known, w, x + n * image, y, position);
    y += a.channels;
    if (position) position += a.channels;
  };
  if (is_halving(a))
    each_output(
        a, [&](std::int64_t n, std::int64_t oy, std::int64_t ox)
               __attribute__((always_inline)) { pool(halving(a), halving_window(oy, ox), n); });
  else
    each_output(
        a, [&](std::int64_t n, std::int64_t oy, std::int64_t ox)
               __attribute__((always_inline)) { pool(a, inside(a, oy, ox), n); });
}

void max_pool_backward(const PoolArgs& args, const float* dy, const std::uint8_t* position, float* dx) {
  const PoolArgs a = args;
  const std::int64_t image = a.height * a.width * a.channels;
  const bool overlap = a.window_height > a.stride_y || a.window_width > a.stride_x;
  // Windows that tile the image exactly write every pixel once.
  const bool tiled = a.window_height == a.stride_y && a.window_width == a.stride_x && a.pad_top == 0 &&
                     a.pad_left == 0 && a.out_height * a.stride_y >= a.height &&
                     a.out_width * a.stride_x >= a.width;
  if (!tiled) __builtin_memset(dx, 0, static_cast<std::size_t>(a.samples * image) * sizeof(float));
  const auto next = [&]() __attribute__((always_inline)) {
    dy += a.channels;
    position += a.channels;
  };
  if (is_halving(a))
    each_output(
        a, [&](std::int64_t n, std::int64_t oy, std::int64_t ox) __attribute__((always_inline)) {
          unpool_pixel<false>(halving(a), halving_window(oy, ox), dy, position, dx + n * image);
          next();
        });
  else if (overlap)
    each_output(
        a, [&](std::int64_t n, std::int64_t oy, std::int64_t ox) __attribute__((always_inline)) {
          unpool_pixel<true>(a, inside(a, oy, ox), dy, position, dx + n * image);
          next();
        });
  else
    each_output(
        a, [&](std::int64_t n, std::int64_t oy, std::int64_t ox) __attribute__((always_inline)) {
          unpool_pixel<false>(a, inside(a, oy, ox), dy, position, dx + n * image);
          next();
        });
}

void average_pool_forward(const PoolArgs& a, const float* x, float* y) {
  for (std::int64_t n = 0; n < a.samples; ++n, x += a.height * a.width * a.channels)
    for (std::int64_t oy = 0; oy < a.out_height; ++oy)
      for (std::int64_t ox = 0; ox < a.out_width; ++ox, y += a.channels) {
        const Inside w = inside(a, oy, ox);
        const float pixels = static_cast<float>((w.y1 - w.y0) * (w.x1 - w.x0));
        for (std::int64_t c = 0; c < a.channels; ++c) y[c] = 0.0F;
        for (std::int64_t py = w.y0; py < w.y1; ++py)
          for (std::int64_t px = w.x0; px < w.x1; ++px)
            add(a.channels, x + (py * a.width + px) * a.channels, y);
        for (std::int64_t c = 0; c < a.channels; ++c) y[c] /= pixels;
      }
}

void average_pool_backward(const PoolArgs& a, const float* dy, float* dx) {
  const std::int64_t image = a.height * a.width * a.channels;
  __builtin_memset(dx, 0, static_cast<std::size_t>(a.samples * image) * sizeof(float));
  for (std::int64_t n = 0; n < a.samples; ++n, dx += image)
    for (std::int64_t oy = 0; oy < a.out_height; ++oy)
      for (std::int64_t ox = 0; ox < a.out_width; ++ox, dy += a.channels) {
        const Inside w = inside(a, oy, ox);
        const float pixels = static_cast<float>((w.y1 - w.y0) * (w.x1 - w.x0));
        for (std::int64_t py = w.y0; py < w.y1; ++py)
          for (std::int64_t px = w.x0; px < w.x1; ++px) {
            float* __restrict pixel = dx + (py * a.width + px) * a.channels;
            for (std::int64_t c = 0; c < a.channels; ++c) pixel[c] += dy[c] / pixels;
          }
      }
}

}  // namespace convoy::simd::CONVOY_SIMD_ISA
