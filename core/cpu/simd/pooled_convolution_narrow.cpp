#include "core/cpu/simd/pooled_convolution.h"

// Few input channels: a vector's lanes are filters, forward and backward. An image's blocks are planes of one
// channel.

#if defined(__AVX2__)

namespace convoy::simd::CONVOY_SIMD_ISA::pooled {

namespace {

/// Each step takes one of the 9 * channels inputs of 2 x 2 * kPair pixels.
template <int kVectors>
void forward_filters(const Args& a, const float* image, const float* packed, const float* bias, float* y,
                     std::uint8_t* position) {
  constexpr std::int64_t kBlock = kVectors * kLanes;
  constexpr int kPair = kVectorBytes == 64 ? 2 : 1;  // windows side by side
  const std::int64_t row = row_elements(a);
  for (std::int64_t f = 0; f < a.filters; f += kBlock)
    for (std::int64_t i = 0; i < a.pooled_height; ++i)
      for (std::int64_t j = 0; j < a.pooled_width; j += kPair) {
        // The last window of an odd row is computed twice rather than one beyond it.
        const std::int64_t first = j + kPair > a.pooled_width && j > 0 ? j - 1 : j;
        const float* weights = packed + f * 9 * a.channels;
        Floats sums[4 * kPair][kVectors] = {};
        for (std::int64_t c = 0; c < a.channels; ++c) {
          const float* at = image + c * block_elements(a) + 2 * i * row + 2 * first;
#pragma GCC unroll 3
          for (int u = 0; u < 3; ++u, at += row)
#pragma GCC unroll 3
            for (int v = 0; v < 3; ++v, weights += kBlock)
#pragma GCC unroll 8
              for (int p = 0; p < 4 * kPair; ++p) {
                const Floats x = broadcast(at[(p / (2 * kPair)) * row + p % (2 * kPair) + v]);
#pragma GCC unroll 2
                for (int w = 0; w < kVectors; ++w)
                  sums[p][w] = multiply_add(x, load(weights + w * kLanes), sums[p][w]);
              }
        }
#pragma GCC unroll 2
        for (int w = 0; w < kPair; ++w) {
          if (first + w == a.pooled_width) break;
#pragma GCC unroll 2
          for (int v = 0; v < kVectors; ++v) {
            const std::int64_t at = f + v * kLanes, place = (i * a.pooled_width + first + w) * a.filters + at;
            pool(sums[2 * w][v], sums[2 * w + 1][v], sums[2 * kPair + 2 * w][v],
                 sums[2 * kPair + 2 * w + 1][v], bias ? load(bias + at) : Floats{}, y + place,
                 position ? position + place : nullptr);
          }
        }
      }
}

template <int kVectors>
void pack_filters(const Args& a, const float* kernel, float* packed) {
  constexpr std::int64_t kBlock = kVectors * kLanes;
  for (std::int64_t f = 0; f < a.filters; f += kBlock)
    for (std::int64_t c = 0; c < a.channels; ++c)
      for (int k = 0; k < 9; ++k, packed += kBlock)
        for (std::int64_t lane = 0; lane < kBlock; ++lane)
          packed[lane] = kernel[(k * a.channels + c) * a.filters + f + lane];
}

/// Four pixels of a row and the four below them, in the first eight lanes.
CONVOY_INLINE Floats load_pair(const float* from, std::int64_t row) {
  const __m256 pair =
      _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(from)), _mm_loadu_ps(from + row), 1);
#if defined(__AVX512F__)
  return _mm512_castps256_ps512(pair);
#else
  return pair;
#endif
}

/// One sample's part of dkernel, of kChannels channels from c on and kLanes filters. Each filter's gradient
/// meets the input at its own place of the window: the four candidates for a tap are lanes 0, 1, 4 and 5 of
/// two rows' pixels.
template <int kChannels>
void add_products(const Args& a, const float* image, const float* dy, const std::uint8_t* position,
                  std::int64_t c, bool first, float* dkernel) {
  const std::int64_t row = row_elements(a), plane = block_elements(a);
  Floats sums[kChannels][9];
#pragma GCC unroll 4
  for (int p = 0; p < kChannels; ++p)
#pragma GCC unroll 9
    for (int k = 0; k < 9; ++k)
      sums[p][k] = first ? Floats{} : load(dkernel + (k * a.channels + c + p) * a.filters);
  for (std::int64_t i = 0; i < a.pooled_height; ++i) {
    const float* corner = image + c * plane + 2 * i * row;
    for (std::int64_t j = 0; j < a.pooled_width; ++j, corner += 2, dy += a.filters, position += a.filters) {
      const Ints place = load_bytes(position), lane = place + (place & 2);
      const Floats value = place < kCut ? load(dy) : Floats{};
#pragma GCC unroll 4
      for (int p = 0; p < kChannels; ++p)
#pragma GCC unroll 3
        for (int u = 0; u < 3; ++u) {
          const Floats pair = load_pair(corner + p * plane + u * row, row);
#pragma GCC unroll 3
          for (int v = 0; v < 3; ++v)
            sums[p][3 * u + v] = multiply_add(value, shuffle(pair, lane + v), sums[p][3 * u + v]);
        }
    }
  }
#pragma GCC unroll 4
  for (int p = 0; p < kChannels; ++p)
#pragma GCC unroll 9
    for (int k = 0; k < 9; ++k) store(dkernel + (k * a.channels + c + p) * a.filters, sums[p][k]);
}

/// dbias
void sum_rows(const Args& a, const Gradients& g) {
  for (std::int64_t f = 0; f < a.filters; f += kLanes) {
    Floats sums[4] = {};  // chains, which hide the latency
    for (std::int64_t row = 0; row < g.samples * windows(a); ++row) {
      const std::int64_t at = row * a.filters + f;
      sums[row % 4] += load_bytes(g.position + at) < kCut ? load(g.dy + at) : Floats{};
    }
    store(g.dbias + f, (sums[0] + sums[1]) + (sums[2] + sums[3]));
  }
}

}  // namespace

void pack_direct(const Args& a, const float* kernel, float* packed) {
  takes_pairs(a) ? pack_filters<2>(a, kernel, packed) : pack_filters<1>(a, kernel, packed);
}

void forward_direct(const Args& a, std::int64_t samples, const float* x, const float* weights,
                    const float* bias, float* image, float* y, std::uint8_t* position) {
  const std::int64_t pooled = windows(a) * a.filters;
  for (std::int64_t n = 0; n < samples; ++n) {
    pad(a, x + n * input_elements(a), image);
    const auto forward = takes_pairs(a) ? forward_filters<2> : forward_filters<1>;
    forward(a, image, weights, bias, y + n * pooled, position ? position + n * pooled : nullptr);
  }
}

void weight_gradient_narrow(const Args& a, const Gradients& g, float* image) {
  constexpr int kMost = kVectorBytes == 64 ? 3 : 1;  // nine sums each
  if (g.dbias) sum_rows(a, g);
  for (std::int64_t n = 0; n < g.samples; ++n) {
    pad(a, g.x + n * input_elements(a), image);
    for (std::int64_t f = 0; f < a.filters; f += kLanes) {
      const std::int64_t at = n * windows(a) * a.filters + f;
      std::int64_t c = 0;
      for (; c + kMost <= a.channels; c += kMost)
        add_products<kMost>(a, image, g.dy + at, g.position + at, c, n == 0, g.dkernel + f);
      for (; c < a.channels; ++c)
        add_products<1>(a, image, g.dy + at, g.position + at, c, n == 0, g.dkernel + f);
    }
  }
}

}  // namespace convoy::simd::CONVOY_SIMD_ISA::pooled

#endif
