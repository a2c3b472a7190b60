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

/// One block of channels, in the sums' order of rows.
template <bool kRelu, bool kData>
static CONVOY_INLINE void gradient_of_block(const ChannelGradientArgs& a, std::int64_t first, int count) {
  double sums[kPartial][kLanes] = {}, products[kPartial][kLanes] = {};
  const auto add = [&](int p, std::int64_t row) __attribute__((always_inline)) {
    const std::int64_t at = row * a.channels + first;
#pragma GCC ivdep
    for (int c = 0; c < count; ++c) {
      const float g = !kRelu || a.relu[at + c] > 0.0F ? a.dy[at + c] : 0.0F;
      const float deviation = a.x[at + c] - a.center[first + c];
      sums[p][c] += static_cast<double>(g);
      products[p][c] += static_cast<double>(g) * static_cast<double>(deviation);
      if (kData) a.dx[at + c] = g * a.scale[first + c];
    }
  };
  std::int64_t r = 0;
  for (; r + kPartial <= a.rows; r += kPartial)
    for (int p = 0; p < kPartial; ++p) add(p, r + p);
  for (int p = 0; r < a.rows; ++r, ++p) add(p, r);
  for (int c = 0; c < count; ++c) {
    a.sum[first + c] = (sums[0][c] + sums[1][c]) + (sums[2][c] + sums[3][c]);
    a.product[first + c] = (products[0][c] + products[1][c]) + (products[2][c] + products[3][c]);
  }
}

void channel_gradient(const ChannelGradientArgs& args) {
  const ChannelGradientArgs a = args;
  const auto run = [&]<bool kRelu, bool kData>() __attribute__((always_inline)) {
    each_block(
        a.channels, [&](std::int64_t first, int count)
                        __attribute__((always_inline)) { gradient_of_block<kRelu, kData>(a, first, count); });
  };
  if (a.relu)
    a.dx ? run.template operator()<true, true>() : run.template operator()<true, false>();
  else
    a.dx ? run.template operator()<false, true>() : run.template operator()<false, false>();
}

void channel_scale(std::int64_t rows, std::int64_t channels, const float* x, const float* center,
                   const float* scale, const float* shift, bool relu, float* y) {
  const auto run = [&](auto&& finish) __attribute__((always_inline)) {
    for (std::int64_t r = 0; r < rows; ++r, x += channels, y += channels)
#pragma GCC ivdep
      for (std::int64_t c = 0; c < channels; ++c) y[c] = finish((x[c] - center[c]) * scale[c] + shift[c]);
  };
  if (relu)
    run([](float v) { return v <= 0.0F ? 0.0F : v; });  // a NaN stays one
  else
    run([](float v) { return v; });
}

void channel_combine(std::int64_t rows, std::int64_t channels, const float* x, const float* center,
                     const float* scale, const float* shift, const float* z, const float* factor, float* y) {
  for (std::int64_t r = 0; r < rows; ++r, x += channels, z += channels, y += channels)
#pragma GCC ivdep
    for (std::int64_t c = 0; c < channels; ++c)
      y[c] = z[c] * factor[c] + ((x[c] - center[c]) * scale[c] + shift[c]);
}

}  // namespace convoy::simd::CONVOY_SIMD_ISA
