#pragma once

#include "core/cpu/simd/vector.h"

namespace convoy::simd::CONVOY_SIMD_ISA {

#if defined(__AVX512DQ__)
/// sum[i] += llrint(values[i] * 2^44) for a vector; the lanes whose size is not below `limit`, NaN among
/// them, and whose sums then mean nothing.
static CONVOY_INLINE __mmask16 add_exact(std::int64_t* sum, Floats values, Floats limit) {
  const __m512 scaled = _mm512_mul_ps(values, _mm512_set1_ps(0x1p44F));
  const __m512i low = _mm512_cvtps_epi64(_mm512_extractf32x8_ps(scaled, 0));
  const __m512i high = _mm512_cvtps_epi64(_mm512_extractf32x8_ps(scaled, 1));
  _mm512_storeu_si512(sum, _mm512_add_epi64(_mm512_loadu_si512(sum), low));
  _mm512_storeu_si512(sum + 8, _mm512_add_epi64(_mm512_loadu_si512(sum + 8), high));
  return _mm512_cmp_ps_mask(_mm512_abs_ps(values), limit, _CMP_NLT_UQ);
}
#endif

}  // namespace convoy::simd::CONVOY_SIMD_ISA
