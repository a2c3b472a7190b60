#include "core/cpu/simd/convolution.h"
#include "core/cpu/simd/weight_sums.h"

namespace convoy::simd::CONVOY_SIMD_ISA::direct {

namespace {

using Args = ConvolutionWeightArgs;

/// Pairs that one sum in registers takes: longer ones would round more.
constexpr std::int64_t kPairs = 256;
constexpr int kVectors = 2;
constexpr int kRows = kVectorBytes == 64 ? 8 : 4;

/// The sums of kCount rows and kWidth vectors of filters; of the last one `rest` lanes unless kWhole.
template <int kCount, int kWidth, bool kWhole>
CONVOY_INLINE void sum_pairs(const Args& a, const float* x, const float* dy, int rest,
                             Floats (&total)[kCount][kWidth]) {
  for (std::int64_t first = 0; first < a.count; first += kPairs) {
    const std::int64_t last = a.count - first < kPairs ? a.count : first + kPairs;
    Floats sums[kCount][kWidth] = {};
    for (std::int64_t p = first; p < last; ++p) {
      const float* values = x + a.pairs[p].x;
      const float* gradients = dy + a.pairs[p].dy;
      Floats gradient[kWidth];
#pragma GCC unroll 2
      for (int v = 0; v < kWidth; ++v)
        gradient[v] = kWhole ? load(gradients + v * kLanes) : load_first(gradients, rest);
#pragma GCC unroll 8
      for (int r = 0; r < kCount; ++r) {
        const Floats value = broadcast(values[r]);
#pragma GCC unroll 2
        for (int v = 0; v < kWidth; ++v) sums[r][v] = multiply_add(value, gradient[v], sums[r][v]);
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < kCount; ++r)
#pragma GCC unroll 2
      for (int v = 0; v < kWidth; ++v) total[r][v] = first == 0 ? sums[r][v] : total[r][v] + sums[r][v];
  }
}

template <int kCount, int kWidth, bool kWhole, class Target>
CONVOY_INLINE bool form(const Args& a, std::int64_t row, std::int64_t filter, const Target& target,
                        int rest = 0) {
  Floats total[kCount][kWidth] = {};
  sum_pairs<kCount, kWidth, kWhole>(a, a.x + row, a.dy + filter, rest, total);
  bool fine = true;
#pragma GCC unroll 8
  for (int r = 0; r < kCount; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < kWidth; ++v) {
      const std::int64_t at = (row + r) * a.filters + filter + v * kLanes;
      fine &= kWhole ? target.take(at, total[r][v]) : target.take_first(at, total[r][v], rest);
    }
  return fine;
}

template <int kWidth, bool kWhole, class Target>
bool form_rows(const Args& a, std::int64_t filter, const Target& target, int rest = 0) {
  bool fine = true;
  std::int64_t row = 0;
  for (; row + kRows <= a.rows; row += kRows)
    fine &= form<kRows, kWidth, kWhole>(a, row, filter, target, rest);
  for (; row < a.rows; ++row) fine &= form<1, kWidth, kWhole>(a, row, filter, target, rest);
  return fine;
}

/// The gradients of some filters stay in the first cache for all rows.
template <class Target>
bool form_all(const Args& a, const Target& target) {
  bool fine = true;
  std::int64_t f = 0;
  for (; f + kVectors * kLanes <= a.filters; f += kVectors * kLanes)
    fine &= form_rows<kVectors, true>(a, f, target);
  for (; f + kLanes <= a.filters; f += kLanes) fine &= form_rows<1, true>(a, f, target);
  if (f < a.filters) fine &= form_rows<1, false>(a, f, target, static_cast<int>(a.filters - f));
  return fine;
}

}  // namespace

void weight_gradient(const ConvolutionWeightArgs& args, float* dkernel) { form_all(args, ToFloats{dkernel}); }

bool accumulate_weight_gradient(const ConvolutionWeightArgs& args, float limit, std::int64_t* sum) {
  return form_all(args, ToExact{sum, limit});
}

}  // namespace convoy::simd::CONVOY_SIMD_ISA::direct
