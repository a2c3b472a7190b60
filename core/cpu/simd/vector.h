#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

// The vector types of the instruction set that a file is being compiled for.

namespace convoy::simd::CONVOY_SIMD_ISA {

#if defined(__AVX512F__)
inline constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
inline constexpr int kVectorBytes = 32;
#else
inline constexpr int kVectorBytes = 16;
#endif
inline constexpr int kLanes = kVectorBytes / 4;

using Floats = float __attribute__((vector_size(kVectorBytes)));
using Ints = std::int32_t __attribute__((vector_size(kVectorBytes)));
using Bytes = std::uint8_t __attribute__((vector_size(kLanes)));
// Loads and stores at any address.
using UnalignedFloats = float __attribute__((vector_size(kVectorBytes), aligned(4), may_alias));
using UnalignedBytes = std::uint8_t __attribute__((vector_size(kLanes), aligned(1), may_alias));

#define CONVOY_INLINE inline __attribute__((always_inline))

static CONVOY_INLINE Floats load(const float* from) { return *reinterpret_cast<const UnalignedFloats*>(from); }
static CONVOY_INLINE void store(float* to, Floats values) { *reinterpret_cast<UnalignedFloats*>(to) = values; }
static CONVOY_INLINE Floats broadcast(float value) { return Floats{} + value; }

/// a * b + c, rounded once where the instruction set can.
static CONVOY_INLINE Floats multiply_add(Floats a, Floats b, Floats c) {
#if defined(__AVX512F__)
  return _mm512_fmadd_ps(a, b, c);
#elif defined(__FMA__)
  return _mm256_fmadd_ps(a, b, c);
#else
  return a * b + c;
#endif
}
/// The same rounding for single values, so that a row's tail has the bits that the vectors would give.
static CONVOY_INLINE float multiply_add(float a, float b, float c) {
#if defined(__FMA__)
  return __builtin_fmaf(a, b, c);
#else
  return a * b + c;
#endif
}

}  // namespace convoy::simd::CONVOY_SIMD_ISA
