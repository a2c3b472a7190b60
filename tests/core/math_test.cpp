#include "core/math.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace convoy {
namespace {

double ulps(double value, long double exact) {
  const double rounded = static_cast<double>(exact);
  const double ulp = std::nextafter(std::fabs(rounded), INFINITY) - std::fabs(rounded);
  return static_cast<double>(std::fabs(static_cast<long double>(value) - exact)) / ulp;
}

TEST(Math, DoubleExpIsWithinOneUlp) {
  for (double x = -700; x < 700; x += 0.0137) EXPECT_LT(ulps(math::exp(x), std::exp(static_cast<long double>(x))), 1.0) << x;
  EXPECT_EQ(math::exp(0.0), 1.0);
  EXPECT_EQ(math::exp(-1e9), 0.0);
  EXPECT_EQ(math::exp(1e9), INFINITY);
  EXPECT_TRUE(std::isnan(math::exp(NAN)));
}

TEST(Math, DoubleLogIsWithinOneUlp) {
  for (double x = 1e-12; x < 1e12; x *= 1.00317) EXPECT_LT(ulps(math::log(x), std::log(static_cast<long double>(x))), 1.0) << x;
  for (double x = 0.9; x < 1.1; x += 1.37e-5) EXPECT_LT(ulps(math::log(x), std::log(static_cast<long double>(x))), 1.0) << x;
  EXPECT_EQ(math::log(1.0), 0.0);
  EXPECT_EQ(math::log(0.0), -INFINITY);
  EXPECT_EQ(math::log(INFINITY), INFINITY);
  EXPECT_TRUE(std::isnan(math::log(-1.0)));
  EXPECT_TRUE(std::isnan(math::log(NAN)));
}

}  // namespace
}  // namespace convoy
