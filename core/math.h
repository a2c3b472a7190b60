#pragma once

#include <cstdint>
#include <cstring>

// Elementary functions of our own: the same bits with every compiler, C library and vector width, which std:: does not
// promise. Free of branches on the value, so that loops over them vectorise.

namespace convoy::math {

namespace detail {
inline double from_bits(std::uint64_t bits) {
  double value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
inline std::uint64_t to_bits(double value) {
  std::uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}
inline constexpr double kLn2High = 0x1.62e42fefa0000p-1;  // 33 significant bits: exact times any exponent
inline constexpr double kLn2Low = 0x1.cf79abc9e3b39p-40;
}  // namespace detail

/// e^x within 1 ulp for |x| < 708; below -708 zero, above 709.7 infinity; NaN stays NaN.
/// Cody and Waite's reduction to |r| <= ln(2) / 2, then Taylor's series to r^13 / 13!.
inline double exp(double x) {
  const double bounded = x < -708.0 ? -708.0 : (x > 709.0 ? 709.0 : x);
  const double shifted = bounded * 0x1.71547652b82fep0 + 0x1.8p52;  // adding 1.5 * 2^52 rounds to an integer
  const double k = shifted - 0x1.8p52;
  const double r = (bounded - k * detail::kLn2High) - k * detail::kLn2Low;
  double p = 1.0 / 6227020800.0;
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
  const double series = 1.0 + (r + r * r * p);
  // k in two halves, so that neither power overflows.
  const std::int64_t exponent = static_cast<std::int64_t>(k == k ? k : 0.0);
  const std::int64_t half = exponent / 2;
  const double scaled = series * detail::from_bits(static_cast<std::uint64_t>(half + 1023) << 52) *
                        detail::from_bits(static_cast<std::uint64_t>(exponent - half + 1023) << 52);
  return x < -708.0 ? 0.0 : (x > 709.7 ? __builtin_inf() : (x == x ? scaled : x));
}

/// ln(x) within 1 ulp for normal x > 0; zero gives -infinity, negative x NaN.
/// x = m * 2^k with m in [sqrt(1/2), sqrt(2)), ln(m) = 2 artanh(s), s = (m - 1) / (m + 1), as a series to s^23.
inline double log(double x) {
  std::uint64_t bits = detail::to_bits(x);
  const std::uint64_t kSqrtHalf = 0x3fe6a09e667f3bcd;
  const std::int64_t k = static_cast<std::int64_t>(bits - kSqrtHalf) >> 52;
  const double m = detail::from_bits(bits - (static_cast<std::uint64_t>(k) << 52));
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
  const double exponent = static_cast<double>(k);
  const double result = exponent * detail::kLn2High + (ln_m + exponent * detail::kLn2Low);
  return x > 0 ? (x == __builtin_inf() ? x : result) : (x == 0 ? -__builtin_inf() : __builtin_nan(""));
}

/// cos(x) within 1e-15 for 0 <= x <= pi: Taylor's series, after cos(x) = -cos(pi - x) and cos(x) = 1 - 2 sin(x / 2)^2.
inline double cos(double x) {
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
