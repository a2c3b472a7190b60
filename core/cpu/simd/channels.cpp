#include "core/cpu/simd/functions.h"
#include "core/cpu/simd/vector.h"

// Sums and scalings by channel of [rows, channels] tensors. A channel's sum is made of four partial ones, of
// the rows 0, 4, 8, …, of 1, 5, 9, … and so on, whatever the instruction set.

namespace convoy::simd::CONVOY_SIMD_ISA {

namespace {

constexpr int kPartial = 4;

/// total[c] = sum over rows of term(index of the row's first channel, c), for `count` channels. With a
/// constant count the loops over channels become vectors.
template <class Term>
CONVOY_INLINE void sum_channels(std::int64_t rows, std::int64_t channels, int count, double* total,
                                const Term& term) {
  double partial[kPartial][kLanes] = {};
  std::int64_t r = 0;
  for (; r + kPartial <= rows; r += kPartial)
    for (int p = 0; p < kPartial; ++p)
      for (int c = 0; c < count; ++c) partial[p][c] += term((r + p) * channels, c);
  for (int p = 0; r < rows; ++r, ++p)
    for (int c = 0; c < count; ++c) partial[p][c] += term(r * channels, c);
  for (int c = 0; c < count; ++c)
    total[c] = (partial[0][c] + partial[1][c]) + (partial[2][c] + partial[3][c]);
}

/// Calls work(first channel, number of channels) for blocks of channels; the number is kLanes but at the end.
template <class Work>
CONVOY_INLINE void each_block(std::int64_t channels, const Work& work) {
  std::int64_t c = 0;
  for (; c + kLanes <= channels; c += kLanes) work(c, kLanes);
  if (c < channels) work(c, static_cast<int>(channels - c));
}

}  // namespace

void channel_moments(std::int64_t rows, std::int64_t channels, const float* x, double* mean,
                     double* deviations) {
  each_block(
      channels, [=](std::int64_t first, int count) __attribute__((always_inline)) {
        const float* block = x + first;
        double* means = mean + first;
        sum_channels(rows, channels, count, means,
                     [=](std::int64_t row, int c) { return static_cast<double>(block[row + c]); });
        double center[kLanes];
        for (int c = 0; c < count; ++c) means[c] = center[c] = means[c] / static_cast<double>(rows);
        if (!deviations) return;
        sum_channels(rows, channels, count, deviations + first, [=, &center](std::int64_t row, int c) {
          const double deviation = static_cast<double>(block[row + c]) - center[c];
          return deviation * deviation;
        });
      });
}

void channel_products(std::int64_t rows, std::int64_t channels, const float* x, const float* center,
                      const float* dy, double* sum, double* product) {
  each_block(
      channels, [=](std::int64_t first, int count) __attribute__((always_inline)) {
        sum_channels(rows, channels, count, sum + first,
                     [=](std::int64_t row, int c) { return static_cast<double>(dy[row + first + c]); });
        sum_channels(rows, channels, count, product + first, [=](std::int64_t row, int c) {
          const float deviation = x[row + first + c] - center[first + c];
          return static_cast<double>(dy[row + first + c]) * static_cast<double>(deviation);
        });
      });
}

void channel_scale(std::int64_t rows, std::int64_t channels, const float* x, const float* center,
                   const float* scale, const float* shift, float* y) {
  for (std::int64_t r = 0; r < rows; ++r, x += channels, y += channels)
#pragma GCC ivdep
    for (std::int64_t c = 0; c < channels; ++c) y[c] = (x[c] - center[c]) * scale[c] + shift[c];
}

void channel_combine(std::int64_t rows, std::int64_t channels, const float* x, const float* center,
                     const float* scale, const float* shift, const float* z, const float* factor, float* y) {
  for (std::int64_t r = 0; r < rows; ++r, x += channels, z += channels, y += channels)
#pragma GCC ivdep
    for (std::int64_t c = 0; c < channels; ++c)
      y[c] = z[c] * factor[c] + ((x[c] - center[c]) * scale[c] + shift[c]);
}

}  // namespace convoy::simd::CONVOY_SIMD_ISA
