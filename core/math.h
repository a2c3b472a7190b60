#pragma once

#include <cstdint>
#include <cstring>

// Elementary functions of our own: the same bits with every compiler, C library and vector width, which std::
// does not promise. Free of branches on the value, so that loops over them vectorise; plain C, so that CUDA
// can take them. Every result is built from single roundings (no fused multiply-add), so all instruction sets
// agree on its bits.
//
// Always inlined: files that are compiled for several instruction sets must not leave copies for the linker
// to choose.
#if !defined(CONVOY_MATH)  // core/cuda/launch.h makes them the device's too
#define CONVOY_MATH inline __attribute__((always_inline))
#endif

namespace convoy::math {

namespace detail {

CONVOY_MATH double from_bits(std::uint64_t bits) {
  double value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
CONVOY_MATH float from_bits(std::uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
CONVOY_MATH std::uint64_t to_bits(double value) {
  std::uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}
CONVOY_MATH std::uint32_t to_bits(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

// The high part of ln(2) has so few significant bits that its product with any exponent is exact.
inline constexpr double kLn2High = 0x1.62e42fefa0000p-1, kLn2Low = 0x1.cf79abc9e3b39p-40;
inline constexpr float kLn2HighF = 0x1.62e4p-1F, kLn2LowF = 0x1.7f7d1cp-20F;

/// e^x = 2^k * (1 + tail) for |x| below 708 (88.7): Cody and Waite's reduction to |r| <= ln(2) / 2, tail =
/// e^r - 1 by Taylor's series. `low` is a small addend of x below its last place. For a NaN the tail is NaN.
struct Exponential {
  std::uint64_t k;  ///< two's complement
  double tail;
};
CONVOY_MATH Exponential reduce(double x, double low) {
  const double shifted = x * 0x1.71547652b82fep0 + 0x1.8p52;  // adding 1.5 * 2^52 rounds to an integer
  const double k = shifted - 0x1.8p52;
  const double r = ((x - k * kLn2High) - k * kLn2Low) + low;
  double p = 1.0 / 6227020800.0;  // 1 / 13!
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  return {to_bits(shifted) - to_bits(0x1.8p52), r + r * r * p};
}
struct ExponentialF {
  std::uint32_t k;
  float tail;
};
CONVOY_MATH ExponentialF reduce(float x, float low) {
  const float shifted = x * 0x1.715476p0F + 0x1.8p23F;
  const float k = shifted - 0x1.8p23F;
  const float r = ((x - k * kLn2HighF) - k * kLn2LowF) + low;
  float p = 1.0F / 5040.0F;  // 1 / 7!
  p = p * r + 1.0F / 720.0F;
  p = p * r + 1.0F / 120.0F;
  p = p * r + 1.0F / 24.0F;
  p = p * r + 1.0F / 6.0F;
  p = p * r + 0.5F;
  return {to_bits(shifted) - to_bits(0x1.8p23F), r + r * r * p};
}

/// e^(x + low)
CONVOY_MATH double exp_of_sum(double x, double low) {
  const double bounded = x < -708.0 ? -708.0 : (x > 710.0 ? 710.0 : x);
  const Exponential e = reduce(bounded, low);
  // 2^(k - 1) is a normal number for every k that occurs, -1021 to 1024; 2^k is not.
  const double result = (1.0 + e.tail) * 2.0 * from_bits((e.k + 1022) << 52);
  return x < -708.0 ? 0.0 : result;
}
CONVOY_MATH float exp_of_sum(float x, float low) {
  const float bounded = x < -87.3F ? -87.3F : (x > 89.0F ? 89.0F : x);
  const ExponentialF e = reduce(bounded, low);
  // In two factors, since 2^128 is no float.
  const std::uint32_t half = static_cast<std::uint32_t>(static_cast<std::int32_t>(e.k) >> 1);
  const float result = (1.0F + e.tail) * from_bits((half + 127) << 23) * from_bits((e.k - half + 127) << 23);
  return x < -87.3F ? 0.0F : result;
}

/// erfc(x) for x >= 3/4: e^(-x^2) / (x + 5/2) * P(u), u = 1 - 6.5 / (x + 5/2), which maps [3/4, infinity) to
/// [-1, 1). P interpolates e^(x^2) erfc(x) (x + 5/2) at Chebyshev's points in u (of degree 20 and 9; computed
/// with 60 digits; relative error below 6e-17 and 1.1e-8).
CONVOY_MATH double erfc_tail(double x) {
  const double w = 1.0 / (x + 2.5);
  const double u = 1.0 - 6.5 * w;
  double p = 0x1.54254cec1bce8p-32;
  p = p * u + 0x1.d86040ef4869fp-35;
  p = p * u + -0x1.ce0441c8a2edfp-29;
  p = p * u + -0x1.2cc580f193836p-29;
  p = p * u + 0x1.7b51d361a859ep-26;
  p = p * u + 0x1.fa525d2f703ffp-26;
  p = p * u + -0x1.107c6cd0bd44ep-23;
  p = p * u + -0x1.2b0c94dcb2c4ap-22;
  p = p * u + 0x1.a3ef8d3ecf8c5p-21;
  p = p * u + 0x1.3a1630a0dbaedp-19;
  p = p * u + -0x1.9b313e15890dep-18;
  p = p * u + -0x1.3cb4ac6bc766bp-16;
  p = p * u + 0x1.17cb8f5644116p-14;
  p = p * u + 0x1.0a26abe242f15p-13;
  p = p * u + -0x1.e7be90121f5d3p-11;
  p = p * u + 0x1.e444c8e8ba988p-12;
  p = p * u + 0x1.87c81b5802d6ap-7;
  p = p * u + -0x1.085f7cd89fe56p-4;
  p = p * u + 0x1.a26013a88ac99p-3;
  p = p * u + -0x1.e92bef23efe21p-2;
  p = p * u + 0x1.c7ef2766e6e29p-1;
  // x^2 = high^2 + (x - high)(x + high), the first product exact.
  const double high = from_bits(to_bits(x) & 0xfffffffff8000000);
  return exp_of_sum(-(high * high), -((x - high) * (x + high))) * (w * p);
}
CONVOY_MATH float erfc_tail(float x) {
  const float w = 1.0F / (x + 2.5F);
  const float u = 1.0F - 6.5F * w;
  float p = -0x1.d62372p-17F;
  p = p * u + 0x1.c4f73ep-15F;
  p = p * u + 0x1.01c25cp-13F;
  p = p * u + -0x1.e2426ap-11F;
  p = p * u + 0x1.e5b9cep-12F;
  p = p * u + 0x1.87a99cp-7F;
  p = p * u + -0x1.085faap-4F;
  p = p * u + 0x1.a26050p-3F;
  p = p * u + -0x1.e92beep-2F;
  p = p * u + 0x1.c7ef28p-1F;
  const float high = from_bits(to_bits(x) & 0xfffff000);
  return exp_of_sum(-(high * high), -((x - high) * (x + high))) * (w * p);
}

/// erf(x) for |x| <= 3/4: x + x * P(x^2), 1 + P interpolating at Chebyshev's points (of degree 10 and 5;
/// relative error below 1e-18 and 1.5e-9).
CONVOY_MATH double erf_middle(double x) {
  const double z = x * x;
  double p = 0x1.8a312cb07e6ccp-27;
  p = p * z + -0x1.564f71bbc0d35p-23;
  p = p * z + 0x1.b90ecd4aeec12p-20;
  p = p * z + -0x1.f4c5debf1228ap-17;
  p = p * z + 0x1.f9a2afa3a8f86p-14;
  p = p * z + -0x1.c02db1220cfe6p-11;
  p = p * z + 0x1.565bcd03657c0p-8;
  p = p * z + -0x1.b82ce31257412p-6;
  p = p * z + 0x1.ce2f21a0424c3p-4;
  p = p * z + -0x1.812746b0379e0p-2;
  return x + x * (p * z + 0x1.06eba8214db69p-3);
}
CONVOY_MATH float erf_middle(float x) {
  const float z = x * x;
  float p = -0x1.623bf0p-11F;
  p = p * z + 0x1.4f3d08p-8F;
  p = p * z + -0x1.b7aaa0p-6F;
  p = p * z + 0x1.ce2ae2p-4F;
  p = p * z + -0x1.81273ap-2F;
  return x + x * (p * z + 0x1.06eba80000000p-3F);
}

}  // namespace detail

CONVOY_MATH double absolute(double x) { return __builtin_fabs(x); }
CONVOY_MATH float absolute(float x) { return __builtin_fabsf(x); }
CONVOY_MATH double with_sign_of(double magnitude, double x) { return __builtin_copysign(magnitude, x); }
CONVOY_MATH float with_sign_of(float magnitude, float x) { return __builtin_copysignf(magnitude, x); }

/// e^x within 1 ulp (float: 1.1 ulp). Where the result would not be a normal number, zero; above the largest,
/// infinity.
CONVOY_MATH double exp(double x) { return detail::exp_of_sum(x, 0.0); }
CONVOY_MATH float exp(float x) { return detail::exp_of_sum(x, 0.0F); }

/// ln(x) within 1.2 ulp for normal x > 0; zero gives -infinity, negative x NaN.
/// x = m * 2^k with m in [sqrt(1/2), sqrt(2)), ln(m) = 2 artanh(s), s = (m - 1) / (m + 1), as a series to
/// s^23 (s^11).
CONVOY_MATH double log(double x) {
  constexpr std::uint64_t kSqrtHalf = 0x3fe6a09e667f3bcd;
  const std::uint64_t bits = detail::to_bits(x);
  const std::uint64_t biased = (bits - kSqrtHalf + (std::uint64_t{1023} << 52)) >> 52;  // k + 1023
  // An integer below 2^52 in the low bits of 2^52 is that many more.
  const double k = detail::from_bits(biased | 0x4330000000000000) - (0x1p52 + 1023.0);
  const double m = detail::from_bits(bits - ((biased - 1023) << 52));
  const double f = m - 1.0;
  const double s = f / (m + 1.0);
  const double z = s * s;
  double p = 1.0 / 23.0;
  p = p * z + 1.0 / 21.0;
  p = p * z + 1.0 / 19.0;
  p = p * z + 1.0 / 17.0;
  p = p * z + 1.0 / 15.0;
  p = p * z + 1.0 / 13.0;
  p = p * z + 1.0 / 11.0;
  p = p * z + 1.0 / 9.0;
  p = p * z + 1.0 / 7.0;
  p = p * z + 1.0 / 5.0;
  p = p * z + 1.0 / 3.0;
  // 2 * s is f - f * f / 2 + s * f * f / 2: the rounding of s then touches a small term only.
  const double half_square = 0.5 * f * f;
  const double ln_m = f - (half_square - s * (half_square + 2.0 * z * p));
  const double result = k * detail::kLn2High + (ln_m + k * detail::kLn2Low);
  return x > 0 ? (x == __builtin_inf() ? x : result) : (x == 0 ? -__builtin_inf() : __builtin_nan(""));
}
CONVOY_MATH float log(float x) {
  constexpr std::uint32_t kSqrtHalf = 0x3f3504f3;
  const std::uint32_t bits = detail::to_bits(x);
  const std::uint32_t biased = (bits - kSqrtHalf + (std::uint32_t{127} << 23)) >> 23;
  const float k = static_cast<float>(static_cast<std::int32_t>(biased) - 127);
  const float m = detail::from_bits(bits - ((biased - 127) << 23));
  const float f = m - 1.0F;
  const float s = f / (m + 1.0F);
  const float z = s * s;
  float p = 1.0F / 11.0F;
  p = p * z + 1.0F / 9.0F;
  p = p * z + 1.0F / 7.0F;
  p = p * z + 1.0F / 5.0F;
  p = p * z + 1.0F / 3.0F;
  const float half_square = 0.5F * f * f;
  const float ln_m = f - (half_square - s * (half_square + 2.0F * z * p));
  const float result = k * detail::kLn2HighF + (ln_m + k * detail::kLn2LowF);
  return x > 0 ? (x == __builtin_inff() ? x : result) : (x == 0 ? -__builtin_inff() : __builtin_nanf(""));
}

/// tanh(x) within 3 ulp: t / (t + 2) with t = e^(2|x|) - 1, which keeps small x exact.
CONVOY_MATH double tanh(double x) {
  const double magnitude = absolute(x);
  const detail::Exponential e = detail::reduce(magnitude > 20.0 ? 40.0 : 2.0 * magnitude, 0.0);
  const double power = detail::from_bits((e.k + 1023) << 52);
  const double t = power * e.tail + (power - 1.0);
  return with_sign_of(t / (t + 2.0), x);
}
CONVOY_MATH float tanh(float x) {
  const float magnitude = absolute(x);
  const detail::ExponentialF e = detail::reduce(magnitude > 10.0F ? 20.0F : 2.0F * magnitude, 0.0F);
  const float power = detail::from_bits((e.k + 127) << 23);
  const float t = power * e.tail + (power - 1.0F);
  return with_sign_of(t / (t + 2.0F), x);
}

/// The error function within 2 ulp.
CONVOY_MATH double erf(double x) {
  const double magnitude = absolute(x);
  const double outer = with_sign_of(1.0 - detail::erfc_tail(magnitude), x);
  return magnitude < 0.75 ? detail::erf_middle(x) : outer;
}
CONVOY_MATH float erf(float x) {
  const float magnitude = absolute(x);
  const float outer = with_sign_of(1.0F - detail::erfc_tail(magnitude), x);
  return magnitude < 0.75F ? detail::erf_middle(x) : outer;
}

/// 1 - erf(x), with the relative accuracy of 6 ulp for large x too.
CONVOY_MATH double erfc(double x) {
  const double tail = detail::erfc_tail(absolute(x));
  const double outer = x < 0 ? 2.0 - tail : tail;
  return absolute(x) < 0.75 ? 1.0 - detail::erf_middle(x) : outer;
}
CONVOY_MATH float erfc(float x) {
  const float tail = detail::erfc_tail(absolute(x));
  const float outer = x < 0 ? 2.0F - tail : tail;
  return absolute(x) < 0.75F ? 1.0F - detail::erf_middle(x) : outer;
}

/// 1 / (1 + e^-x)
CONVOY_MATH double sigmoid(double x) { return 1.0 / (1.0 + exp(-x)); }
CONVOY_MATH float sigmoid(float x) { return 1.0F / (1.0F + exp(-x)); }

/// cos(x) within 1e-15 for 0 <= x <= pi: Taylor's series, after cos(x) = -cos(pi - x) and cos(x) = 1 - 2
/// sin(x / 2)^2.
CONVOY_MATH double cos(double x) {
  const double pi = 0x1.921fb54442d18p1;
  const bool mirrored = x > pi / 2;
  const double half = (mirrored ? (pi - x) + 0x1.1a62633145c07p-53 : x) / 2;
  const double z = half * half;
  double p = 1.0 / 355687428096000.0;  // 17!
  p = 1.0 / 1307674368000.0 - p * z;   // 15!
  p = 1.0 / 6227020800.0 - p * z;
  p = 1.0 / 39916800.0 - p * z;
  p = 1.0 / 362880.0 - p * z;
  p = 1.0 / 5040.0 - p * z;
  p = 1.0 / 120.0 - p * z;
  p = 1.0 / 6.0 - p * z;
  const double sine = half - half * z * p;
  const double cosine = 1 - 2 * sine * sine;
  return mirrored ? -cosine : cosine;
}

}  // namespace convoy::math
