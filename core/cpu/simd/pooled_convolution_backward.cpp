#include "core/cpu/simd/pooled_convolution.h"

// Backward: at most one of a window's four gradients is not zero, and none where the ReLU cut; only these are
// multiplied.

#if defined(__AVX2__)

namespace convoy::simd::CONVOY_SIMD_ISA::pooled {

namespace {

/// [channels / kLanes, filters, 9, kLanes]
void pack_wide(const Args& a, const float* kernel, float* packed) {
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
void pack_narrow(const Args& a, const float* kernel, float* packed) {
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

}  // namespace

std::int64_t backward_workspace(const Args& a) { return Sparse::elements(a); }

void pack_backward(const Args& a, const float* kernel, float* packed) {
  is_narrow(a) ? pack_narrow(a, kernel, packed) : pack_wide(a, kernel, packed);
}

void backward(const Args& a, const PooledConvolutionGradients& g, const float* image, const float* weights,
              bool first, float* workspace) {
  const Sparse sparse(a, workspace);
  if (g.dimage)
    for (std::int64_t i = 0; i < image_elements(a); ++i) g.dimage[i] = 0;
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

}  // namespace convoy::simd::CONVOY_SIMD_ISA::pooled

#endif
