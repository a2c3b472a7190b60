#include "core/cpu/simd/pooled_convolution.h"

// The kernel's gradient: each filter's gradients that are not zero, as a list, times the 3x3 input windows
// that they met.

#if defined(__AVX2__)

namespace convoy::simd::CONVOY_SIMD_ISA::pooled {

namespace {

/// Images whose lists are walked at once: their blocks of channels shall stay in the first cache.
std::int64_t images_at_once(const Args& a, std::int64_t samples) {
  constexpr std::int64_t kCacheElements = 7 * 1024;
  const std::int64_t images = kCacheElements / block_elements(a);
  return images < 1 ? 1 : smaller(images, samples);
}

/// For each filter its gradients in the order of the windows, and where the corners of their 3x3 windows lie
/// in the first block of the images.
struct Lists {
  Lists(const Args& a, std::int64_t images, float* workspace)
      : capacity(list_capacity(a, images)),
        values(workspace),
        offsets(reinterpret_cast<std::int32_t*>(values + a.filters * capacity)),
        counts(offsets + a.filters * capacity) {}
  /// Lists are written in whole vectors.
  static std::int64_t list_capacity(const Args& a, std::int64_t images) {
    return (images * windows(a) + 2 * kLanes - 1) / kLanes * kLanes;
  }
  static std::int64_t elements(const Args& a, std::int64_t images) {
    return a.filters * (2 * list_capacity(a, images) + 1);
  }

  std::int64_t capacity;
  float* values;          ///< [filters, capacity]
  std::int32_t* offsets;  ///< [filters, capacity]
  std::int32_t* counts;   ///< [filters]
};

/// Appends the lanes that are not zero, in order; may write kLanes elements.
CONVOY_INLINE int append(Floats values, Ints offsets, float* to_values, std::int32_t* to_offsets) {
  const unsigned chosen = bits(values != Floats{});
#if defined(__AVX512F__)
  const auto mask = static_cast<__mmask16>(chosen);
  _mm512_storeu_ps(to_values, _mm512_maskz_compress_ps(mask, values));
  _mm512_storeu_si512(to_offsets, _mm512_maskz_compress_epi32(mask, reinterpret_cast<__m512i>(offsets)));
#else
  int at = 0;
  for (unsigned rest = chosen; rest != 0; rest &= rest - 1, ++at) {
    const int lane = __builtin_ctz(rest);
    to_values[at] = values[lane];
    to_offsets[at] = offsets[lane];
  }
#endif
  return __builtin_popcount(chosen);
}

/// kLanes windows from `first` on, and where the corners of their 3x3 windows and the four places of a
/// maximum lie.
struct Square {
  std::int64_t first;
  int count;  ///< of windows that exist
  Ints corners, steps;
};

/// Appends a square's gradients for the filters from f on, and adds them to dbias if that is not null.
CONVOY_INLINE void collect_square(const Args& a, const Gradients& g, const Square& square, std::int64_t f,
                                  const Lists& lists) {
  Floats values[kLanes], sum = {};
  Ints places[kLanes];
  const auto take = [&](int i) __attribute__((always_inline)) {
    const std::int64_t at = (square.first + i) * a.filters + f;
    places[i] = load_bytes(g.position + at);
    values[i] = places[i] < kCut ? load(g.dy + at) : Floats{};
    sum += values[i];
  };
  if (square.count == kLanes) {
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) take(i);
  } else {
    for (int i = 0; i < kLanes; ++i) values[i] = Floats{}, places[i] = Ints{};
    for (int i = 0; i < square.count; ++i) take(i);
  }
  if (g.dbias) store(g.dbias + f, square.first == 0 ? sum : load(g.dbias + f) + sum);
  transpose(values);
  transpose(places);
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i) {
    const std::int64_t at = (f + i) * lists.capacity + lists.counts[f + i];
    lists.counts[f + i] += append(values[i], square.corners + __builtin_shuffle(square.steps, places[i]),
                                  lists.values + at, lists.offsets + at);
  }
}

/// The lists of `images` of a slice.
void collect(const Args& a, const Gradients& g, std::int64_t first, std::int64_t images, const Lists& lists) {
  const std::int64_t row = row_elements(a), pixel = block_channels(a);
  Square square;
  for (int place = 0; place < kLanes; ++place)
    square.steps[place] = static_cast<std::int32_t>((place >> 1) * row + (place & 1) * pixel);
  for (std::int64_t f = 0; f < a.filters; ++f) lists.counts[f] = 0;
  for (std::int64_t p = 0; p < images * windows(a); p += kLanes) {
    square.first = first * windows(a) + p;
    square.count = static_cast<int>(smaller(images * windows(a) - p, kLanes));
    for (int i = 0; i < kLanes; ++i) {
      const std::int64_t image = (p + i) / windows(a), window = (p + i) % windows(a);
      square.corners[i] =
          static_cast<std::int32_t>(image * image_elements(a) + window / a.pooled_width * 2 * row +
                                    window % a.pooled_width * 2 * pixel);
    }
    for (std::int64_t f = 0; f < a.filters; f += kLanes) collect_square(a, g, square, f, lists);
  }
}

/// gradient [filters, 9, kVectors * kLanes] of a block of channels, in registers.
template <int kVectors>
void add_products(const Args& a, const float* block, const Lists& lists, bool first, float* gradient) {
  constexpr std::int64_t kBlock = kVectors * kLanes;
  const std::int64_t row = row_elements(a);
  for (std::int64_t f = 0; f < a.filters; ++f, gradient += 9 * kBlock) {
    Floats sums[9][kVectors];
#pragma GCC unroll 9
    for (int k = 0; k < 9; ++k)
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v)
        sums[k][v] = first ? Floats{} : load(gradient + k * kBlock + v * kLanes);
    const float* values = lists.values + f * lists.capacity;
    const std::int32_t* offsets = lists.offsets + f * lists.capacity;
#pragma GCC unroll 2
    for (std::int32_t e = 0; e < lists.counts[f]; ++e) {
      const Floats g = broadcast(values[e]);
      const float* corner = block + offsets[e];
#pragma GCC unroll 3
      for (int u = 0; u < 3; ++u) {
        const float* line = in_register(corner + u * row);
#pragma GCC unroll 6
        for (int k = 0; k < 3 * kVectors; ++k) {
          Floats& sum = sums[3 * u + k / kVectors][k % kVectors];
          sum = multiply_add(g, load(line + k * kLanes), sum);
        }
      }
    }
#pragma GCC unroll 9
    for (int k = 0; k < 9; ++k)
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) store(gradient + k * kBlock + v * kLanes, sums[k][v]);
  }
}

/// dkernel from gradient [blocks, filters, 9, block].
void unpack(const Args& a, const float* gradient, float* dkernel) {
  const std::int64_t block = block_channels(a);
  for (std::int64_t f = 0; f < a.filters; f += kLanes)
    for (int k = 0; k < 9; ++k)
      for (std::int64_t c = 0; c < a.channels; c += kLanes) {
        const float* from = gradient + ((c / block * a.filters + f) * 9 + k) * block + c % block;
        Floats m[kLanes];
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; ++i) m[i] = load(from + i * 9 * block);
        transpose(m);
        float* to = dkernel + (k * a.channels + c) * a.filters + f;
        if (c + kLanes <= a.channels) {
#pragma GCC unroll 16
          for (int i = 0; i < kLanes; ++i) store(to + i * a.filters, m[i]);
        } else {
          for (int i = 0; i < a.channels - c; ++i) store(to + i * a.filters, m[i]);
        }
      }
}

}  // namespace

std::int64_t weight_gradient_workspace(const Args& a, std::int64_t samples) {
  const std::int64_t at_once = images_at_once(a, samples);
  return 9 * channel_vectors(a) * kLanes * a.filters + at_once * image_elements(a) +
         Lists::elements(a, at_once);
}

void weight_gradient(const Args& a, const Gradients& g, float* workspace) {
  const std::int64_t at_once = images_at_once(a, g.samples), sums = 9 * block_channels(a) * a.filters;
  float* gradient = workspace;
  float* images = gradient + sums * image_blocks(a);
  const Lists lists(a, at_once, images + at_once * image_elements(a));
  for (std::int64_t n = 0; n < g.samples; n += at_once) {
    const std::int64_t count = smaller(g.samples - n, at_once);
    for (std::int64_t i = 0; i < count; ++i)
      pad(a, g.x + (n + i) * input_elements(a), images + i * image_elements(a));
    collect(a, g, n, count, lists);
    for (std::int64_t b = 0; b < image_blocks(a); ++b) {
      const auto add = block_vectors(a) == 1 ? add_products<1> : add_products < kVectorBytes == 64 ? 2 : 1 > ;
      add(a, images + b * block_elements(a), lists, n == 0, gradient + b * sums);
    }
  }
  unpack(a, gradient, g.dkernel);
}

}  // namespace convoy::simd::CONVOY_SIMD_ISA::pooled

#endif
