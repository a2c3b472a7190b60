#include "core/cpu/simd/functions.h"
#include "core/cpu/simd/vector.h"

// 3x3 convolutions of stride 1 under a ReLU and a maximum over 2x2 windows. Forward: Winograd's F(2x2, 3x3)
// (Lavin and Gray 2016), whose output tile is the pooling window, so that bias, maximum and ReLU happen in
// registers. Backward: at most one of a window's four gradients is not zero, and none where the ReLU cut;
// only these are multiplied.

namespace convoy::simd::CONVOY_SIMD_ISA {

#if defined(__AVX2__)

namespace {

using Args = PooledConvolutionArgs;

/// Tiles of a product that share their loads of weights: as many as the registers hold accumulators for.
constexpr int kTiles = kVectorBytes == 64 ? 8 : 4;

std::int64_t row_elements(const Args& a) { return (2 * a.pooled_width + 2) * a.channels; }

/// The maximum of a window's four values and the first place where it stands; NaN wins.
CONVOY_INLINE void take_larger(Floats& best, Ints& place, Floats value, int at) {
  const Ints larger = (value > best) | (value != value);
  best = larger ? value : best;
  place = larger ? Ints{} + at : place;
}

CONVOY_INLINE void pool(Floats a, Floats b, Floats c, Floats d, Floats bias, float* y,
                        std::uint8_t* position) {
  Ints place = {};
  take_larger(a, place, b, 1);
  take_larger(a, place, c, 2);
  take_larger(a, place, d, 3);
  a += bias;
  store(y, a < Floats{} ? Floats{} : a);
  if (position) store_bytes(position, place);
}

/// B^T d B of one 4x4 tile, for kLanes channels; the results stand `stride` apart.
CONVOY_INLINE void transform_input(const float* tile, std::int64_t row, std::int64_t channels, float* to,
                                   std::int64_t stride) {
  Floats d[16], e[16];
#pragma GCC unroll 16
  for (int k = 0; k < 16; ++k) d[k] = load(tile + (k >> 2) * row + (k & 3) * channels);
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k) {
    e[k] = d[k] - d[8 + k];
    e[4 + k] = d[4 + k] + d[8 + k];
    e[8 + k] = d[8 + k] - d[4 + k];
    e[12 + k] = d[4 + k] - d[12 + k];
  }
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k) {
    const Floats* r = e + 4 * k;
    store(to + (4 * k) * stride, r[0] - r[2]);
    store(to + (4 * k + 1) * stride, r[1] + r[2]);
    store(to + (4 * k + 2) * stride, r[2] - r[1]);
    store(to + (4 * k + 3) * stride, r[1] - r[3]);
  }
}

/// product[t, f] = sum over c of tiles[t, c] * weights[c, f], for kTiles tiles and kVectors vectors of
/// filters.
template <int kVectors>
CONVOY_INLINE void multiply(const float* tiles, std::int64_t channels, const float* weights, float* product) {
  Floats sums[kTiles][kVectors] = {};
#pragma GCC unroll 4
  for (std::int64_t c = 0; c < channels; ++c) {
    Floats w[kVectors];
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) w[v] = load(weights + (c * kVectors + v) * kLanes);
#pragma GCC unroll 8
    for (int t = 0; t < kTiles; ++t) {
      const Floats x = broadcast(tiles[t * channels + c]);
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) sums[t][v] = multiply_add(x, w[v], sums[t][v]);
    }
  }
#pragma GCC unroll 8
  for (int t = 0; t < kTiles; ++t)
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) store(product + (t * kVectors + v) * kLanes, sums[t][v]);
}

/// A^T m A of one tile, with what follows it. The 16 products stand `stride` apart.
CONVOY_INLINE void finish_tile(const float* products, std::int64_t stride, Floats bias, float* y,
                               std::uint8_t* position) {
  Floats r[8];
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k) {
    const Floats m1 = load(products + (4 + k) * stride), m2 = load(products + (8 + k) * stride);
    r[k] = load(products + k * stride) + (m1 + m2);
    r[4 + k] = (m1 - m2) - load(products + (12 + k) * stride);
  }
  const Floats a = r[0] + (r[1] + r[2]), b = (r[1] - r[2]) - r[3];
  const Floats c = r[4] + (r[5] + r[6]), d = (r[5] - r[6]) - r[7];
  pool(a, b, c, d, bias, y, position);
}

template <int kVectors>
void forward_tiles(const Args& a, const float* image, const float* packed, const float* bias,
                   float* workspace, float* y, std::uint8_t* position) {
  constexpr std::int64_t kBlock = kVectors * kLanes;
  const std::int64_t pixels = a.pooled_height * a.pooled_width, row = row_elements(a);
  float* tiles = workspace;                                // [16, kTiles, channels]
  float* products = workspace + 16 * kTiles * a.channels;  // [16, kTiles, kBlock]
  for (std::int64_t first = 0; first < pixels; first += kTiles) {
    const int count = static_cast<int>(pixels - first < kTiles ? pixels - first : kTiles);
    for (int t = 0; t < count; ++t) {
      const float* tile =
          image + 2 * ((first + t) / a.pooled_width) * row + 2 * ((first + t) % a.pooled_width) * a.channels;
      for (std::int64_t c = 0; c < a.channels; c += kLanes)
        transform_input(tile + c, row, a.channels, tiles + t * a.channels + c, kTiles * a.channels);
    }
    for (std::int64_t f = 0; f < a.filters; f += kBlock) {
      for (std::int64_t k = 0; k < 16; ++k)
        multiply<kVectors>(tiles + k * kTiles * a.channels, a.channels,
                           packed + (f * 16 + k * kBlock) * a.channels, products + k * kTiles * kBlock);
      for (int t = 0; t < count; ++t)
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v) {
          const std::int64_t at = f + v * kLanes, place = (first + t) * a.filters + at;
          finish_tile(products + t * kBlock + v * kLanes, kTiles * kBlock, bias ? load(bias + at) : Floats{},
                      y + place, position ? position + place : nullptr);
        }
    }
  }
}

/// Direct convolution of one row of windows' pixels, for few input channels: each step takes one of the 9 *
/// channels inputs of 2 x 2 * kPair pixels.
template <int kVectors>
void forward_direct(const Args& a, const float* image, const float* packed, const float* bias, float* y,
                    std::uint8_t* position) {
  constexpr std::int64_t kBlock = kVectors * kLanes;
  constexpr int kPair = kVectorBytes == 64 ? 2 : 1;  // windows side by side
  const std::int64_t row = row_elements(a), line = 3 * a.channels;
  for (std::int64_t f = 0; f < a.filters; f += kBlock)
    for (std::int64_t i = 0; i < a.pooled_height; ++i)
      for (std::int64_t j = 0; j < a.pooled_width; j += kPair) {
        // The last window of an odd row is computed twice rather than one beyond it.
        const std::int64_t first =
            j + kPair > a.pooled_width && a.pooled_width >= kPair ? a.pooled_width - kPair : j;
        const float* corner = image + 2 * i * row + 2 * first * a.channels;
        const float* weights = packed + f * 9 * a.channels;
        Floats sums[4 * kPair][kVectors] = {};
        for (int u = 0; u < 3; ++u)
          for (std::int64_t k = 0; k < line; ++k, weights += kBlock) {
            const float* at = corner + u * row + k;
#pragma GCC unroll 8
            for (int p = 0; p < 4 * kPair; ++p) {
              const Floats x = broadcast(at[(p / (2 * kPair)) * row + (p % (2 * kPair)) * a.channels]);
#pragma GCC unroll 2
              for (int v = 0; v < kVectors; ++v)
                sums[p][v] = multiply_add(x, load(weights + v * kLanes), sums[p][v]);
            }
          }
#pragma GCC unroll 2
        for (int w = 0; w < kPair; ++w)
#pragma GCC unroll 2
          for (int v = 0; v < kVectors; ++v) {
            const std::int64_t at = f + v * kLanes, place = (i * a.pooled_width + first + w) * a.filters + at;
            pool(sums[2 * w][v], sums[2 * w + 1][v], sums[2 * kPair + 2 * w][v],
                 sums[2 * kPair + 2 * w + 1][v], bias ? load(bias + at) : Floats{}, y + place,
                 position ? position + place : nullptr);
          }
      }
}

bool is_narrow(const Args& a) { return a.channels % kLanes != 0; }
/// Vectors that hold a row of the window, 3 * channels values, where these are few.
std::int64_t row_vectors(const Args& a) { return (3 * a.channels + kLanes - 1) / kLanes; }
bool takes_pairs(const Args& a) { return a.filters % (2 * kLanes) == 0; }

/// G g G^T of 3x3 kernels, for kLanes filters; the 16 results stand `stride` apart.
CONVOY_INLINE void transform_kernel(const float* kernel, std::int64_t step, float* to, std::int64_t stride) {
  const Floats half = broadcast(0.5F);
  Floats g[9], t[12];
#pragma GCC unroll 9
  for (int k = 0; k < 9; ++k) g[k] = load(kernel + k * step);
#pragma GCC unroll 3
  for (int j = 0; j < 3; ++j) {
    const Floats a = half * (g[j] + g[6 + j]), b = half * g[3 + j];
    t[j] = g[j];
    t[3 + j] = a + b;
    t[6 + j] = a - b;
    t[9 + j] = g[6 + j];
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const Floats a = half * (t[3 * i] + t[3 * i + 2]), b = half * t[3 * i + 1];
    store(to + (4 * i) * stride, t[3 * i]);
    store(to + (4 * i + 1) * stride, a + b);
    store(to + (4 * i + 2) * stride, a - b);
    store(to + (4 * i + 3) * stride, t[3 * i + 2]);
  }
}

template <int kVectors>
void pack_forward(const Args& a, const float* kernel, float* packed) {
  constexpr std::int64_t kBlock = kVectors * kLanes;
  for (std::int64_t f = 0; f < a.filters; f += kLanes) {
    const std::int64_t block = f / kBlock * kBlock, lane = f - block;
    if (is_narrow(a)) {
      for (std::int64_t k = 0; k < 9 * a.channels; ++k)
        store(packed + (block * 9 * a.channels) + k * kBlock + lane, load(kernel + k * a.filters + f));
      continue;
    }
    for (std::int64_t c = 0; c < a.channels; ++c)
      transform_kernel(kernel + c * a.filters + f, a.channels * a.filters,
                       packed + block * 16 * a.channels + c * kBlock + lane, a.channels * kBlock);
  }
}

/// [channels / kLanes, filters, 9, kLanes]
void pack_backward(const Args& a, const float* kernel, float* packed) {
  for (std::int64_t c = 0; c < a.channels; c += kLanes)
    for (std::int64_t f = 0; f < a.filters; f += kLanes)
      for (int k = 0; k < 9; ++k) {
        Floats m[kLanes];
        for (int i = 0; i < kLanes; ++i) m[i] = load(kernel + (k * a.channels + c + i) * a.filters + f);
        transpose(m);
        for (int i = 0; i < kLanes; ++i)
          store(packed + (c * a.filters + (f + i) * kLanes) * 9 + k * kLanes, m[i]);
      }
}

/// [filters, 3, row_vectors() * kLanes], zero behind each row.
void pack_backward_narrow(const Args& a, const float* kernel, float* packed) {
  const std::int64_t line = 3 * a.channels, padded = row_vectors(a) * kLanes;
  for (std::int64_t f = 0; f < a.filters; ++f)
    for (int u = 0; u < 3; ++u)
      for (std::int64_t k = 0; k < padded; ++k)
        packed[(f * 3 + u) * padded + k] = k < line ? kernel[(u * line + k) * a.filters + f] : 0;
}

/// One picture's gradients that are not zero: for each filter a list of (value, offset of the corner of its
/// 3x3 window in the padded picture), in the order of the windows; for each window and each of its four
/// places the set of filters.
struct Sparse {
  Sparse(const Args& a, float* workspace)
      : capacity(list_capacity(a)),
        words((a.filters + 63) / 64),
        values(workspace),
        offsets(reinterpret_cast<std::int32_t*>(values + a.filters * capacity)),
        counts(offsets + a.filters * capacity),
        filters(reinterpret_cast<std::uint64_t*>(counts + (a.filters + 1) / 2 * 2)) {}
  static std::int64_t list_capacity(const Args& a) {
    return (a.pooled_height * a.pooled_width + 2 * kLanes - 1) / kLanes * kLanes;
  }
  static std::int64_t elements(const Args& a) {
    return a.filters * (2 * list_capacity(a) + 2) +
           a.pooled_height * a.pooled_width * 4 * ((a.filters + 63) / 64) * 2;
  }
  std::uint64_t* set(std::int64_t window, int place) const { return filters + (window * 4 + place) * words; }

  std::int64_t capacity, words;
  float* values;           ///< [filters, capacity]
  std::int32_t* offsets;   ///< [filters, capacity]
  std::int32_t* counts;    ///< [filters]
  std::uint64_t* filters;  ///< [windows, 4, words]
};

/// Appends the lanes that `chosen` has bits for, in order; may write kLanes elements.
CONVOY_INLINE int append(Floats values, Ints offsets, unsigned chosen, float* to_values,
                         std::int32_t* to_offsets) {
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

/// Fills the lists from the pooled gradient, and adds it to the bias gradient. `sets` only where dimage is
/// wanted.
void collect(const Args& a, const float* dy, const float* y, const std::uint8_t* position, bool first,
             float* dbias, const Sparse& sparse, bool sets) {
  const auto row = static_cast<std::int32_t>(row_elements(a)), step = static_cast<std::int32_t>(a.channels);
  const std::int64_t windows = a.pooled_height * a.pooled_width;
  if (sets)
    for (std::int64_t i = 0; i < windows * 4 * sparse.words; ++i) sparse.filters[i] = 0;
  for (std::int64_t f = 0; f < a.filters; f += kLanes) {
    Floats sum = dbias && !first ? load(dbias + f) : Floats{};
    int counts[kLanes] = {};
    for (std::int64_t p = 0; p < windows; p += kLanes) {
      Floats values[kLanes];
      Ints offsets[kLanes];
      for (int i = 0; i < kLanes; ++i) {
        values[i] = Floats{};
        offsets[i] = Ints{};
        if (p + i >= windows) continue;
        const std::int64_t at = (p + i) * a.filters + f;
        values[i] = load(y + at) > Floats{} ? load(dy + at) : Floats{};
        sum += values[i];
        const Ints place = load_bytes(position + at);
        const auto corner = static_cast<std::int32_t>((p + i) / a.pooled_width * 2 * row +
                                                      (p + i) % a.pooled_width * 2 * step);
        offsets[i] = (place >> 1) * row + (place & 1) * step + corner;
        if (!sets) continue;
        const Ints present = values[i] != Floats{};
#pragma GCC unroll 4
        for (int k = 0; k < 4; ++k)
          sparse.set(p + i, k)[f / 64] |= static_cast<std::uint64_t>(bits(present & (place == k)))
                                          << (f % 64);
      }
      transpose(values);
      transpose(offsets);
      for (int i = 0; i < kLanes; ++i) {
        const std::int64_t at = (f + i) * sparse.capacity + counts[i];
        counts[i] += append(values[i], offsets[i], bits(values[i] != Floats{}), sparse.values + at,
                            sparse.offsets + at);
      }
    }
    for (int i = 0; i < kLanes; ++i) sparse.counts[f + i] = counts[i];
    if (dbias) store(dbias + f, sum);
  }
}

/// gradient [filters, 9, channels], kVectors * kLanes channels at a time in registers.
template <int kVectors>
void weight_gradient_wide(const Args& a, const float* image, const Sparse& sparse, bool first,
                          float* gradient) {
  const std::int64_t row = row_elements(a);
  for (std::int64_t c = 0; c < a.channels; c += kVectors * kLanes)
    for (std::int64_t f = 0; f < a.filters; ++f) {
      float* to = gradient + f * 9 * a.channels + c;
      Floats sums[9][kVectors];
#pragma GCC unroll 9
      for (int k = 0; k < 9; ++k)
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v)
          sums[k][v] = first ? Floats{} : load(to + k * a.channels + v * kLanes);
      const float* values = sparse.values + f * sparse.capacity;
      const std::int32_t* offsets = sparse.offsets + f * sparse.capacity;
      for (std::int32_t e = 0; e < sparse.counts[f]; ++e) {
        const Floats g = broadcast(values[e]);
        const float* corner = image + offsets[e] + c;
#pragma GCC unroll 9
        for (int k = 0; k < 9; ++k)
#pragma GCC unroll 2
          for (int v = 0; v < kVectors; ++v)
            sums[k][v] =
                multiply_add(g, load(corner + (k / 3) * row + (k % 3) * a.channels + v * kLanes), sums[k][v]);
      }
#pragma GCC unroll 9
      for (int k = 0; k < 9; ++k)
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v) store(to + k * a.channels + v * kLanes, sums[k][v]);
    }
}

/// gradient [filters, 3, kRow * kLanes]; what stands behind a row has no meaning. Chains of sums hide the
/// latency.
template <int kRow>
void weight_gradient_narrow(const Args& a, const float* image, const Sparse& sparse, bool first,
                            float* gradient) {
  constexpr int kChains = kRow == 1 ? 4 : 2, kSums = 3 * kRow;
  const std::int64_t row = row_elements(a);
  for (std::int64_t f = 0; f < a.filters; ++f) {
    float* to = gradient + f * kSums * kLanes;
    Floats sums[kChains][kSums] = {};
    if (!first)
      for (int k = 0; k < kSums; ++k) sums[0][k] = load(to + k * kLanes);
    const float* values = sparse.values + f * sparse.capacity;
    const std::int32_t* offsets = sparse.offsets + f * sparse.capacity;
    const auto add = [&](std::int32_t e, Floats * chain) __attribute__((always_inline)) {
      const Floats g = broadcast(values[e]);
#pragma GCC unroll 6
      for (int k = 0; k < kSums; ++k)
        chain[k] =
            multiply_add(g, load(image + offsets[e] + (k / kRow) * row + (k % kRow) * kLanes), chain[k]);
    };
    const std::int32_t count = sparse.counts[f], whole = count / kChains * kChains;
    for (std::int32_t e = 0; e < whole; e += kChains)
#pragma GCC unroll 4
      for (int chain = 0; chain < kChains; ++chain) add(e + chain, sums[chain]);
    for (std::int32_t e = whole; e < count; ++e) add(e, sums[0]);
    for (int k = 0; k < kSums; ++k) {
      Floats sum = sums[0][k];
      for (int chain = 1; chain < kChains; ++chain) sum += sums[chain][k];
      store(to + k * kLanes, sum);
    }
  }
}

/// The 4x4 pixels under one window are summed in registers, kLanes channels at a time.
void data_gradient_wide(const Args& a, const float* packed, const float* dy, const Sparse& sparse,
                        float* dimage) {
  const std::int64_t row = row_elements(a), windows = a.pooled_height * a.pooled_width;
  for (std::int64_t i = 0; i < (2 * a.pooled_height + 2) * row; i += kLanes) store(dimage + i, Floats{});
  for (std::int64_t c = 0; c < a.channels; c += kLanes)
    for (std::int64_t word = 0; word < sparse.words; ++word) {
      const float* weights = packed + (c * a.filters + word * 64 * kLanes) * 9;
      for (std::int64_t p = 0; p < windows; ++p) {
        float* corner = dimage + p / a.pooled_width * 2 * row + p % a.pooled_width * 2 * a.channels + c;
        const float* gradients = dy + p * a.filters + word * 64;
        Floats sums[16];
#pragma GCC unroll 16
        for (int j = 0; j < 16; ++j) sums[j] = load(corner + (j >> 2) * row + (j & 3) * a.channels);
#pragma GCC unroll 4
        for (int k = 0; k < 4; ++k)
          for (std::uint64_t rest = sparse.set(p, k)[word]; rest != 0; rest &= rest - 1) {
            const int f = __builtin_ctzll(rest);
            const Floats g = broadcast(gradients[f]);
            const float* w = weights + f * 9 * kLanes;
#pragma GCC unroll 9
            for (int t = 0; t < 9; ++t) {
              const int j = ((k >> 1) + t / 3) * 4 + (k & 1) + t % 3;
              sums[j] = multiply_add(g, load(w + t * kLanes), sums[j]);
            }
          }
#pragma GCC unroll 16
        for (int j = 0; j < 16; ++j) store(corner + (j >> 2) * row + (j & 3) * a.channels, sums[j]);
      }
    }
}

void data_gradient_narrow(const Args& a, const float* packed, const Sparse& sparse, float* dimage) {
  const std::int64_t row = row_elements(a), vectors = row_vectors(a);
  for (std::int64_t i = 0; i < (2 * a.pooled_height + 2) * row; ++i) dimage[i] = 0;
  for (std::int64_t f = 0; f < a.filters; ++f)
    for (std::int32_t e = 0; e < sparse.counts[f]; ++e) {
      const Floats g = broadcast(sparse.values[f * sparse.capacity + e]);
      for (std::int64_t k = 0; k < 3 * vectors; ++k) {
        float* to =
            dimage + sparse.offsets[f * sparse.capacity + e] + k / vectors * row + k % vectors * kLanes;
        store(to, multiply_add(g, load(packed + (f * 3 * vectors + k) * kLanes), load(to)));
      }
    }
}

bool can(const Args& a) {
  if (a.filters % kLanes != 0 || a.pooled_height < 1 || a.pooled_width < 1) return false;
  return is_narrow(a) ? row_vectors(a) <= 2 && a.pooled_width >= 2 : true;
}

PooledConvolutionSizes sizes(const Args& a) {
  const std::int64_t window = is_narrow(a) ? 3 * row_vectors(a) * kLanes : 9 * a.channels;
  const std::int64_t winograd = 16 * kTiles * (a.channels + 2 * kLanes);
  PooledConvolutionSizes sizes;
  sizes.image = (2 * a.pooled_height + 2) * row_elements(a) + 2 * kLanes;
  sizes.forward_weights = (is_narrow(a) ? 9 : 16) * a.channels * a.filters;
  sizes.backward_weights = window * a.filters;
  sizes.gradient = window * a.filters;
  sizes.workspace = winograd > Sparse::elements(a) ? winograd : Sparse::elements(a);
  return sizes;
}

void pack(const Args& a, const float* kernel, float* forward, float* backward) {
  takes_pairs(a) ? pack_forward<2>(a, kernel, forward) : pack_forward<1>(a, kernel, forward);
  if (backward) is_narrow(a) ? pack_backward_narrow(a, kernel, backward) : pack_backward(a, kernel, backward);
}

void forward(const Args& a, const float* image, const float* weights, const float* bias, float* workspace,
             float* y, std::uint8_t* position) {
  if (is_narrow(a))
    takes_pairs(a) ? forward_direct<2>(a, image, weights, bias, y, position)
                   : forward_direct<1>(a, image, weights, bias, y, position);
  else
    takes_pairs(a) ? forward_tiles<2>(a, image, weights, bias, workspace, y, position)
                   : forward_tiles<1>(a, image, weights, bias, workspace, y, position);
}

void backward(const Args& a, const PooledConvolutionGradients& g, const float* image, const float* weights,
              bool first, float* workspace) {
  const Sparse sparse(a, workspace);
  collect(a, g.dy, g.y, g.position, first, g.dbias, sparse, g.dimage && !is_narrow(a));
  if (is_narrow(a)) {
    row_vectors(a) == 1 ? weight_gradient_narrow<1>(a, image, sparse, first, g.gradient)
                        : weight_gradient_narrow<2>(a, image, sparse, first, g.gradient);
    if (g.dimage) data_gradient_narrow(a, weights, sparse, g.dimage);
    return;
  }
  constexpr int kMost = kVectorBytes == 64 ? 2 : 1;  // 18 sums and their operands fit 32 registers
  a.channels % (kMost * kLanes) == 0 ? weight_gradient_wide<kMost>(a, image, sparse, first, g.gradient)
                                     : weight_gradient_wide<1>(a, image, sparse, first, g.gradient);
  if (g.dimage) data_gradient_wide(a, weights, g.dy, sparse, g.dimage);
}

void finish(const Args& a, const float* gradient, float* dkernel) {
  const std::int64_t line = 3 * a.channels, padded = is_narrow(a) ? row_vectors(a) * kLanes : line;
  for (std::int64_t f = 0; f < a.filters; f += kLanes)
    for (int u = 0; u < 3; ++u)
      for (std::int64_t k = 0; k < padded; k += kLanes) {
        Floats m[kLanes];
        for (int i = 0; i < kLanes; ++i) m[i] = load(gradient + (f + i) * 3 * padded + u * padded + k);
        transpose(m);
        for (int i = 0; i < kLanes && k + i < line; ++i)
          store(dkernel + (u * line + k + i) * a.filters + f, m[i]);
      }
}

}  // namespace

PooledConvolution pooled_convolution() { return {can, sizes, pack, forward, backward, finish}; }

#else

namespace {
bool cannot(const PooledConvolutionArgs&) { return false; }
}  // namespace

PooledConvolution pooled_convolution() { return {.can = cannot}; }

#endif

}  // namespace convoy::simd::CONVOY_SIMD_ISA
