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
using Longs = std::uint64_t __attribute__((vector_size(kVectorBytes)));
// Loads and stores at any address.
using UnalignedFloats = float __attribute__((vector_size(kVectorBytes), aligned(4), may_alias));
using UnalignedLongs = std::uint64_t __attribute__((vector_size(kVectorBytes), aligned(4), may_alias));

#define CONVOY_INLINE inline __attribute__((always_inline))

static CONVOY_INLINE Floats load(const float* from) {
  return *reinterpret_cast<const UnalignedFloats*>(from);
}
static CONVOY_INLINE void store(float* to, Floats values) {
  *reinterpret_cast<UnalignedFloats*>(to) = values;
}
/// An address in one register: what reads from a sum of two takes twice the decoder's slots.
static CONVOY_INLINE const float* in_register(const float* address) {
  asm("" : "+r"(address));
  return address;
}
/// Subtracting zero changes no value, negative zero included, so the compiler leaves it out.
static CONVOY_INLINE Floats broadcast(float value) { return value - Floats{}; }

/// 0, 1, 2, …
static CONVOY_INLINE Ints lane_numbers() {
  Ints lanes;
  for (int i = 0; i < kLanes; ++i) lanes[i] = i;
  return lanes;
}

/// The first `count` < kLanes values; zero behind them.
static CONVOY_INLINE Floats load_first(const float* from, int count) {
#if defined(__AVX512F__)
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1U << count) - 1), from);
#elif defined(__AVX2__)
  return _mm256_maskload_ps(from, reinterpret_cast<__m256i>(lane_numbers() < count));
#else
  Floats values = {};
  for (int i = 0; i < count; ++i) values[i] = from[i];
  return values;
#endif
}
static CONVOY_INLINE void store_first(float* to, Floats values, int count) {
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1U << count) - 1), values);
#elif defined(__AVX2__)
  _mm256_maskstore_ps(to, reinterpret_cast<__m256i>(lane_numbers() < count), values);
#else
  for (int i = 0; i < count; ++i) to[i] = values[i];
#endif
}

/// Lane i of the result is values[from[i]].
static CONVOY_INLINE Floats shuffle(Floats values, Ints from) {
#if defined(__clang__)
  Floats result;
  for (int i = 0; i < kLanes; ++i) result[i] = values[from[i]];
  return result;
#else
  return __builtin_shuffle(values, from);
#endif
}

/// Lane i of the result is from[offsets[i]].
static CONVOY_INLINE Floats gather(const float* from, Ints offsets) {
#if defined(__AVX512F__)
  return _mm512_i32gather_ps(reinterpret_cast<__m512i>(offsets), from, sizeof(float));
#elif defined(__AVX2__)
  return _mm256_i32gather_ps(from, reinterpret_cast<__m256i>(offsets), sizeof(float));
#else
  Floats values;
  for (int i = 0; i < kLanes; ++i) values[i] = from[offsets[i]];
  return values;
#endif
}

/// kLanes bytes as integers, and back.
static CONVOY_INLINE Ints load_bytes(const std::uint8_t* from) {
#if defined(__AVX512F__)
  return reinterpret_cast<Ints>(
      _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i_u*>(from))));
#elif defined(__AVX2__)
  return reinterpret_cast<Ints>(_mm256_cvtepu8_epi32(_mm_loadu_si64(from)));
#else
  return Ints{from[0], from[1], from[2], from[3]};
#endif
}
static CONVOY_INLINE void store_bytes(std::uint8_t* to, Ints values) {
#if defined(__AVX512F__)
  _mm_storeu_si128(reinterpret_cast<__m128i_u*>(to), _mm512_cvtepi32_epi8(reinterpret_cast<__m512i>(values)));
#else
  for (int i = 0; i < kLanes; ++i) to[i] = static_cast<std::uint8_t>(values[i]);
#endif
}

/// `values`, but NaN where a or b is.
static CONVOY_INLINE Floats nan_where_unordered(Floats values, Floats a, Floats b) {
#if defined(__AVX512F__)
  return _mm512_mask_mov_ps(values, _mm512_cmp_ps_mask(a, b, _CMP_UNORD_Q), broadcast(__builtin_nanf("")));
#elif defined(__AVX2__)
  return _mm256_or_ps(values, _mm256_cmp_ps(a, b, _CMP_UNORD_Q));
#else
  return ((a != a) | (b != b)) ? broadcast(__builtin_nanf("")) : values;
#endif
}

#if defined(__AVX2__)
/// Bit i is set where lane i of a comparison's result is.
static CONVOY_INLINE unsigned bits(Ints comparison) {
#if defined(__AVX512F__)
  return _mm512_movepi32_mask(reinterpret_cast<__m512i>(comparison));
#else
  return static_cast<unsigned>(_mm256_movemask_ps(reinterpret_cast<__m256>(comparison)));
#endif
}
#endif

/// Lane j of rows[i] and lane i of rows[j] change places.
template <class Vector>
static CONVOY_INLINE void transpose(Vector (&rows)[kLanes]) {
  const Ints lane = lane_numbers();
#pragma GCC unroll 4
  for (int distance = 1; distance < kLanes; distance *= 2) {
    // Lanes of two rows, numbered through.
    const Ints lower = (lane & distance) != 0 ? kLanes + (lane ^ distance) : lane;
    const Ints upper = (lane & distance) != 0 ? kLanes + lane : lane ^ distance;
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) {
      if (i & distance) continue;
      const Vector a = rows[i], b = rows[i | distance];
      rows[i] = __builtin_shuffle(a, b, lower);
      rows[i | distance] = __builtin_shuffle(a, b, upper);
    }
  }
}

/// Lane i of the result is the sum of vectors[i]'s lanes, which are added pairwise: neighbours first.
static CONVOY_INLINE Floats sums_of_lanes(Floats (&vectors)[kLanes]) {
  const Ints lane = lane_numbers();
#pragma GCC unroll 4
  for (int distance = 1; distance < kLanes; distance *= 2) {
    // Lanes of two vectors, numbered through: what stays where it is, and what is added to it.
    const Ints kept = (lane & distance) != 0 ? kLanes + lane : lane, moved = kept ^ distance;
#pragma GCC unroll 8
    for (int i = 0; i < kLanes / (2 * distance); ++i) {
      const Floats a = vectors[2 * i], b = vectors[2 * i + 1];
      vectors[i] = __builtin_shuffle(a, b, kept) + __builtin_shuffle(a, b, moved);
    }
  }
  return vectors[0];
}

/// The products of the lanes' low 32 bits.
static CONVOY_INLINE Longs multiply_low(Longs a, Longs b) {
#if defined(__AVX512F__)
  return reinterpret_cast<Longs>(
      _mm512_mul_epu32(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
#elif defined(__AVX2__)
  return reinterpret_cast<Longs>(
      _mm256_mul_epu32(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
#elif defined(__SSE2__)
  return reinterpret_cast<Longs>(_mm_mul_epu32(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(b)));
#else
  return (a & 0xffffffff) * (b & 0xffffffff);
#endif
}

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
