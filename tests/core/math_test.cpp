#include "core/math.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>

namespace convoy {
namespace {

/// |value - exact| in units of the last place of T at `exact`.
template <class T>
double ulps(T value, long double exact) {
  const T rounded = std::fabs(static_cast<T>(exact));
  const T ulp = std::nextafter(rounded, std::numeric_limits<T>::infinity()) - rounded;
  return static_cast<double>(std::fabs(static_cast<long double>(value) - exact) /
                             static_cast<long double>(ulp));
}

/// The largest error of `mine` over a sweep of [low, high] and of magnitudes down to 1e-30.
template <class T, class Mine, class Exact>
double worst(T low, T high, const Mine& mine, const Exact& exact) {
  double result = 0;
  const auto check = [&](T x) {
    if (x < low || x > high) return;
    const long double expected = exact(static_cast<long double>(x));
    if (std::fabs(expected) >= static_cast<long double>(std::numeric_limits<T>::min()))
      result = std::max(result, ulps(mine(x), expected));
  };
  constexpr int kPoints = 100'000;
  for (int i = 0; i <= kPoints; ++i) check(low + (high - low) * (static_cast<T>(i) / kPoints));
  for (T x = static_cast<T>(1e-30); x < high; x *= static_cast<T>(1.0137)) {
    check(x);
    check(-x);
  }
  return result;
}

template <class T>
class Math : public testing::Test {
 public:
  static constexpr bool kDouble = sizeof(T) == 8;
  static T nan() { return std::numeric_limits<T>::quiet_NaN(); }
  static T infinity() { return std::numeric_limits<T>::infinity(); }
};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(Math, Types);

TYPED_TEST(Math, ExpIsWithinAnUlp) {
  using T = TypeParam;
  const T low = this->kDouble ? T(-700) : T(-87), high = this->kDouble ? T(709.7) : T(88.7);
  EXPECT_LT(worst<T>(
                low, high, [](T x) { return math::exp(x); }, [](long double x) { return std::exp(x); }),
            1.1);
  EXPECT_EQ(math::exp(T(0)), T(1));
  EXPECT_EQ(math::exp(T(-1e9)), T(0));
  EXPECT_EQ(math::exp(T(1e9)), this->infinity());
  EXPECT_EQ(math::exp(-this->infinity()), T(0));
  EXPECT_TRUE(std::isnan(math::exp(this->nan())));
}

TYPED_TEST(Math, LogIsWithinAnUlpAndAFifth) {
  using T = TypeParam;
  const auto mine = [](T x) { return math::log(x); };
  const auto exact = [](long double x) { return std::log(x); };
  EXPECT_LT(worst<T>(T(1e-30), T(1e30), mine, exact), 1.2);
  EXPECT_LT(worst<T>(T(0.5), T(2), mine, exact), 1.2);
  EXPECT_EQ(math::log(T(1)), T(0));
  EXPECT_EQ(math::log(T(0)), -this->infinity());
  EXPECT_EQ(math::log(this->infinity()), this->infinity());
  EXPECT_TRUE(std::isnan(math::log(T(-1))));
  EXPECT_TRUE(std::isnan(math::log(this->nan())));
}

TYPED_TEST(Math, TanhIsWithinThreeUlp) {
  using T = TypeParam;
  EXPECT_LT(worst<T>(
                T(-25), T(25), [](T x) { return math::tanh(x); }, [](long double x) { return std::tanh(x); }),
            3.0);
  EXPECT_EQ(math::tanh(this->infinity()), T(1));
  EXPECT_EQ(math::tanh(-this->infinity()), T(-1));
  EXPECT_TRUE(std::signbit(math::tanh(T(-0.0))));
  EXPECT_TRUE(std::isnan(math::tanh(this->nan())));
}

TYPED_TEST(Math, ErfIsWithinTwoUlp) {
  using T = TypeParam;
  EXPECT_LT(worst<T>(
                T(-7), T(7), [](T x) { return math::erf(x); }, [](long double x) { return std::erf(x); }),
            2.0);
  EXPECT_EQ(math::erf(this->infinity()), T(1));
  EXPECT_EQ(math::erf(-this->infinity()), T(-1));
  EXPECT_TRUE(std::isnan(math::erf(this->nan())));
}

TYPED_TEST(Math, ErfcKeepsItsRelativeAccuracyInTheTail) {
  using T = TypeParam;
  const T high = this->kDouble ? T(26) : T(9);
  EXPECT_LT(worst<T>(
                T(-7), high, [](T x) { return math::erfc(x); }, [](long double x) { return std::erfc(x); }),
            6.0);
  EXPECT_EQ(math::erfc(T(1e9)), T(0));
  EXPECT_EQ(math::erfc(-this->infinity()), T(2));
  EXPECT_TRUE(std::isnan(math::erfc(this->nan())));
}

TEST(Cos, IsWithin1e15UpToPi) {
  for (double x = 0; x < 3.1416; x += 0.0001)
    EXPECT_NEAR(math::cos(x), static_cast<double>(std::cos(static_cast<long double>(x))), 1e-15) << x;
}

TYPED_TEST(Math, SigmoidSaturates) {
  using T = TypeParam;
  const auto exact = [](long double x) { return 1 / (1 + std::exp(-x)); };
  EXPECT_LT(worst<T>(
                T(-80), T(80), [](T x) { return math::sigmoid(x); }, exact),
            3.0);
  EXPECT_EQ(math::sigmoid(T(-1e9)), T(0));
  EXPECT_EQ(math::sigmoid(T(1e9)), T(1));
  EXPECT_TRUE(std::isnan(math::sigmoid(this->nan())));
}

}  // namespace
}  // namespace convoy
