#pragma once

#include "core/cpu/simd/exact.h"
#include "core/cpu/simd/functions.h"

namespace convoy::simd::CONVOY_SIMD_ISA {

/// Where the vectors of a weight gradient go: to floats.
struct ToFloats {
  float* to;
  CONVOY_INLINE bool take(std::int64_t at, Floats sums) const {
    store(to + at, sums);
    return true;
  }
  CONVOY_INLINE bool take_first(std::int64_t at, Floats sums, int count) const {
    store_first(to + at, sums, count);
    return true;
  }
};

/// Or, added to integers as accumulate_exact() adds; false where that says so.
struct ToExact {
  std::int64_t* to;
  float limit;
  CONVOY_INLINE bool take(std::int64_t at, Floats sums) const {
#if defined(__AVX512DQ__)
    return add_exact(to + at, sums, broadcast(limit)) == 0;
#else
    return take_first(at, sums, kLanes);
#endif
  }
  CONVOY_INLINE bool take_first(std::int64_t at, Floats sums, int count) const {
    alignas(kVectorBytes) float values[kLanes];
    store(values, sums);
    return accumulate_exact(to + at, values, static_cast<std::size_t>(count), limit);
  }
};

}  // namespace convoy::simd::CONVOY_SIMD_ISA
