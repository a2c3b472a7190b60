#include "core/cpu/simd/pooled_convolution.h"

// The input with its padding.

#if defined(__AVX2__)

namespace convoy::simd::CONVOY_SIMD_ISA::pooled {

namespace {

/// `count` pixels of a block, of which `channels` exist.
void copy_pixels(const Args& a, const float* from, std::int64_t count, std::int64_t channels, float* to) {
  const std::int64_t block = block_channels(a);
  if (block == 1) {
    const Ints offsets = lane_numbers() * static_cast<std::int32_t>(a.channels);
    std::int64_t j = 0;
    for (; j + kLanes <= count; j += kLanes) store(to + j, gather(from + j * a.channels, offsets));
    for (; j < count; ++j) to[j] = from[j * a.channels];
  } else if (block == a.channels) {
    for (std::int64_t k = 0; k < count * block; k += kLanes) store(to + k, load(from + k));
  } else {
    for (std::int64_t j = 0; j < count; ++j, from += a.channels, to += block)
      for (std::int64_t k = 0; k < block; k += kLanes) store(to + k, load_channels(from + k, channels - k));
  }
}

void clear(float* from, float* to) {
  for (; from < to; ++from) *from = 0;
}

}  // namespace

void pad(const Args& a, const float* x, float* image) {
  const std::int64_t block = block_channels(a), columns = image_columns(a);
  const std::int64_t left = smaller(a.pad_left, columns), right = smaller(a.pad_left + a.width, columns);
  for (std::int64_t b = 0; b < image_blocks(a); ++b)
    for (std::int64_t i = 0; i < image_rows(a); ++i) {
      float* to = image + b * block_elements(a) + i * row_elements(a);
      const std::int64_t row = i - a.pad_top;
      const bool inside = row >= 0 && row < a.height;
      clear(to, to + (inside ? left : columns) * block);
      if (!inside) continue;
      copy_pixels(a, x + row * a.width * a.channels + b * block, right - left, a.channels - b * block,
                  to + left * block);
      clear(to + right * block, to + columns * block);
    }
}

}  // namespace convoy::simd::CONVOY_SIMD_ISA::pooled

#endif
