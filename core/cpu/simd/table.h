#pragma once

#include <cstddef>
#include <cstdint>

// Loops that profit from wide vectors. Each file of this folder is compiled once for each instruction set, with
// CONVOY_SIMD_ISA naming it, into namespace convoy::simd::<isa>; `table()` there fills the struct below, and
// core/cpu/isa.cpp picks one at run time. To keep code of a wider instruction set out of the other builds, these files
// include no header with inline functions outside that namespace (no <algorithm>, <vector>, <span>).

namespace convoy::simd {

struct Table {
  const char* isa;

  /// sum[i] += llrint(gradient[i] * 2^44). False, without a meaning for `sum`, if some |gradient[i]| >= limit or NaN.
  bool (*accumulate_exact)(std::int64_t* sum, const float* gradient, std::size_t n, float limit);
};

namespace portable { const Table& table(); }
namespace avx2 { const Table& table(); }
namespace avx512 { const Table& table(); }

}  // namespace convoy::simd
