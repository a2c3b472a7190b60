#include "core/cpu/simd/pooled_convolution.h"

#include "core/cpu/simd/functions.h"

namespace convoy::simd::CONVOY_SIMD_ISA {

#if defined(__AVX2__)

namespace {

using namespace pooled;

bool can(const Args& a) { return a.filters % kLanes == 0 && a.pooled_height > 0 && a.pooled_width > 0; }

PooledConvolutionSizes sizes(const Args& a, std::int64_t samples) {
  const std::int64_t weights = is_narrow(a) ? 0 : weight_gradient_workspace(a, samples);
  const std::int64_t data = data_gradient_workspace(a, samples);
  PooledConvolutionSizes sizes;
  sizes.image = image_elements(a);
  sizes.forward_weights = (is_narrow(a) ? 9 : 16) * a.channels * a.filters;
  sizes.backward_weights = 9 * channel_vectors(a) * kLanes * a.filters;
  sizes.forward_workspace = is_narrow(a) ? 0 : winograd_workspace(a);
  sizes.backward_workspace = weights > data ? weights : data;
  return sizes;
}

void pack(const Args& a, const float* kernel, float* forward, float* backward) {
  is_narrow(a) ? pack_direct(a, kernel, forward) : pack_winograd(a, kernel, forward);
  if (backward) pack_data_gradient(a, kernel, backward);
}

/// `count` pixels of a block, of which `channels` exist.
void copy_pixels(const Args& a, const float* from, std::int64_t count, std::int64_t channels, float* to) {
  const std::int64_t block = block_channels(a);
  if (block == a.channels) {
    for (std::int64_t k = 0; k < count * block; k += kLanes) store(to + k, load(from + k));
  } else if (block == 1) {
    for (std::int64_t j = 0; j < count; ++j) to[j] = from[j * a.channels];
  } else {
    for (std::int64_t j = 0; j < count; ++j, from += a.channels, to += block)
      for (std::int64_t k = 0; k < block; k += kLanes) store(to + k, load_channels(from + k, channels - k));
  }
}

void clear(float* from, float* to) {
  for (; from < to; ++from) *from = 0;
}

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

void forward(const Args& a, const float* x, const float* weights, const float* bias, float* workspace,
             float* image, float* y, std::uint8_t* position) {
  pad(a, x, image);
  is_narrow(a) ? forward_direct(a, image, weights, bias, y, position)
               : forward_winograd(a, image, weights, bias, workspace, y, position);
}

void backward(const Args& a, const Gradients& g, const float* weights, float* workspace) {
  is_narrow(a) ? weight_gradient_narrow(a, g) : weight_gradient(a, g, workspace);
  if (g.dx) data_gradient(a, g, weights, workspace);
}

}  // namespace

PooledConvolution pooled_convolution() { return {can, sizes, pack, forward, backward}; }

#else

namespace {
bool cannot(const PooledConvolutionArgs&) { return false; }
}  // namespace

PooledConvolution pooled_convolution() { return {.can = cannot}; }

#endif

}  // namespace convoy::simd::CONVOY_SIMD_ISA
