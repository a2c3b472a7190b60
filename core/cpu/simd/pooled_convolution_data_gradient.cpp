#include "core/cpu/simd/pooled_convolution.h"

// The input's gradient: the 4x4 pixels under one window are summed in registers, kLanes channels at a time.

#if defined(__AVX2__)

namespace convoy::simd::CONVOY_SIMD_ISA::pooled {

namespace {

constexpr std::int64_t kWord = 64;  ///< filters of a set

std::int64_t words(const Args& a) { return (a.filters + kWord - 1) / kWord; }
/// Elements of a row of the padded gradient of kLanes channels, and all of them.
std::int64_t gradient_row(const Args& a) { return image_columns(a) * kLanes; }
std::int64_t gradient_elements(const Args& a) { return image_rows(a) * gradient_row(a); }

/// The set of the filters whose gradient stands at this place, for each place of each window: [rows, words,
/// 4].
void collect_sets(const Args& a, std::int64_t rows, const float* dy, const std::uint8_t* position,
                  std::uint64_t* sets) {
  if (a.filters % kWord != 0)
    for (std::int64_t i = 0; i < rows * words(a) * 4; ++i) sets[i] = 0;
  for (std::int64_t row = 0; row < rows; ++row)
    for (std::int64_t f = 0; f < a.filters; f += kLanes) {
      const Ints present = load(dy + row * a.filters + f) != Floats{};
      const Ints place = load_bytes(position + row * a.filters + f);
      auto* set = reinterpret_cast<unsigned char*>(sets + (row * words(a) + f / kWord) * 4);
#pragma GCC unroll 4
      for (int k = 0; k < 4; ++k) {
        const unsigned filters = bits(present & (place == k));
        __builtin_memcpy(set + k * sizeof(std::uint64_t) + f % kWord / 8, &filters, kLanes / 8);
      }
    }
}

/// The products of one sample and kWord filters.
void add_products(const Args& a, const float* weights, const float* dy, const std::uint64_t* sets,
                  float* gradient) {
  const std::int64_t row = gradient_row(a);
  for (std::int64_t i = 0; i < a.pooled_height; ++i) {
    float* corner = gradient + 2 * i * row;
    Floats sums[4][4];
#pragma GCC unroll 4
    for (int u = 0; u < 4; ++u)
#pragma GCC unroll 2
      for (int v = 0; v < 2; ++v) sums[u][v + 2] = load(corner + u * row + v * kLanes);
    for (std::int64_t j = 0; j < a.pooled_width;
         ++j, corner += 2 * kLanes, dy += a.filters, sets += 4 * words(a)) {
#pragma GCC unroll 4
      for (int u = 0; u < 4; ++u)
#pragma GCC unroll 2
        for (int v = 0; v < 2; ++v) {
          sums[u][v] = sums[u][v + 2];
          sums[u][v + 2] = load(corner + u * row + (v + 2) * kLanes);
        }
#pragma GCC unroll 4
      for (int k = 0; k < 4; ++k)
        for (std::uint64_t rest = sets[k]; rest != 0; rest &= rest - 1) {
          const auto f = static_cast<std::int64_t>(__builtin_ctzll(rest));
          const Floats g = broadcast(dy[f]);
          const float* w = in_register(weights + f * 9 * kLanes);
#pragma GCC unroll 9
          for (int t = 0; t < 9; ++t) {
            Floats& sum = sums[(k >> 1) + t / 3][(k & 1) + t % 3];
            sum = multiply_add(g, load(w + t * kLanes), sum);
          }
        }
#pragma GCC unroll 4
      for (int u = 0; u < 4; ++u)
#pragma GCC unroll 2
        for (int v = 0; v < 2; ++v) store(corner + u * row + v * kLanes, sums[u][v]);
    }
#pragma GCC unroll 4
    for (int u = 0; u < 4; ++u)
#pragma GCC unroll 2
      for (int v = 0; v < 2; ++v) store(corner + u * row + v * kLanes, sums[u][v + 2]);
  }
}

/// The channels from c on, without the padding; where no window reaches there is no gradient.
void crop(const Args& a, const float* gradient, std::int64_t c, float* dx) {
  const std::int64_t rows = image_rows(a) - a.pad_top, columns = image_columns(a) - a.pad_left;
  const std::int64_t channels = a.channels - c;
  for (std::int64_t i = 0; i < a.height; ++i) {
    const float* from = gradient + (i + a.pad_top) * gradient_row(a) + a.pad_left * kLanes;
    float* to = dx + i * a.width * a.channels + c;
    const std::int64_t inside = i < rows ? smaller(columns, a.width) : 0;
    for (std::int64_t j = 0; j < inside; ++j)
      store_channels(to + j * a.channels, load(from + j * kLanes), channels);
    for (std::int64_t j = inside < 0 ? 0 : inside; j < a.width; ++j)
      store_channels(to + j * a.channels, Floats{}, channels);
  }
}

}  // namespace

/// [channels / kLanes, filters, 9, kLanes], zero behind the channels.
void pack_data_gradient(const Args& a, const float* kernel, float* packed) {
  for (std::int64_t c = 0; c < a.channels; c += kLanes)
    for (std::int64_t f = 0; f < a.filters; f += kLanes)
      for (int k = 0; k < 9; ++k) {
        Floats m[kLanes] = {};
        for (int i = 0; i < smaller(a.channels - c, kLanes); ++i)
          m[i] = load(kernel + (k * a.channels + c + i) * a.filters + f);
        transpose(m);
        for (int i = 0; i < kLanes; ++i)
          store(packed + (c * a.filters + (f + i) * kLanes) * 9 + k * kLanes, m[i]);
      }
}

std::int64_t data_gradient_workspace(const Args& a, std::int64_t samples) {
  return samples * (gradient_elements(a) + 2 * 4 * windows(a) * words(a));
}

void data_gradient(const Args& a, const Gradients& g, const float* weights, float* workspace) {
  const std::int64_t pooled = windows(a) * a.filters, pixels = a.height * a.width;
  auto* sets = reinterpret_cast<std::uint64_t*>(workspace + g.samples * gradient_elements(a));
  collect_sets(a, g.samples * windows(a), g.dy, g.position, sets);
  for (std::int64_t c = 0; c < a.channels; c += kLanes)
    // The weights of so many filters and channels stay in the first cache for all samples.
    for (std::int64_t word = 0; word < words(a); ++word)
      for (std::int64_t n = 0; n < g.samples; ++n) {
        float* gradient = workspace + (words(a) == 1 ? 0 : n) * gradient_elements(a);
        if (word == 0)
          for (std::int64_t i = 0; i < gradient_elements(a); i += kLanes) store(gradient + i, Floats{});
        add_products(a, weights + (c * a.filters + word * kWord * kLanes) * 9,
                     g.dy + n * pooled + word * kWord, sets + (n * windows(a) * words(a) + word) * 4,
                     gradient);
        if (word == words(a) - 1) crop(a, gradient, c, g.dx + n * pixels * a.channels);
      }
}

}  // namespace convoy::simd::CONVOY_SIMD_ISA::pooled

#endif
