#include "core/data/permutation.h"

#include <cmath>
#include <cstdint>
#include <gtest/gtest.h>
#include <vector>

namespace convoy {
namespace {

Permutation permutation(std::uint64_t seed, std::int64_t size) {
  return {RandomStream(seed, RandomPurpose::shuffle), size};
}

TEST(Permutation, VisitsEveryElementOnceForEverySize) {
  for (std::int64_t size = 1; size <= 300; ++size) {
    for (const std::uint64_t seed : {0u, 7u}) {
      const auto order = permutation(seed, size);
      std::vector<int> seen(static_cast<std::size_t>(size));
      for (std::int64_t i = 0; i < size; ++i) {
        const auto element = order(3, i);
        ASSERT_GE(element, 0);
        ASSERT_LT(element, size);
        ++seen[static_cast<std::size_t>(element)];
      }
      for (const int count : seen) ASSERT_EQ(count, 1) << "size " << size;
    }
  }
}

TEST(Permutation, VisitsEveryElementOnceForLargeSizes) {
  for (const std::int64_t size : {49999, 50000, 65536, 65537}) {
    const auto order = permutation(42, size);
    std::vector<bool> seen(static_cast<std::size_t>(size));
    for (std::int64_t i = 0; i < size; ++i) {
      const auto element = static_cast<std::size_t>(order(0, i));
      ASSERT_FALSE(seen.at(element));
      seen[element] = true;
    }
  }
}

TEST(Permutation, StaysInsideHugeDomains) {
  for (const std::int64_t size : {(std::int64_t{1} << 32) + 1, (std::int64_t{1} << 62)}) {
    const auto order = permutation(1, size);
    for (const std::int64_t i : {std::int64_t{0}, size / 2, size - 1}) {
      EXPECT_GE(order(9, i), 0);
      EXPECT_LT(order(9, i), size);
    }
  }
}

TEST(Permutation, DiffersBetweenEpochsAndSeeds) {
  const auto order = permutation(1, 1000), other = permutation(2, 1000);
  int same_epoch = 0, same_seed = 0;
  for (std::int64_t i = 0; i < 1000; ++i) {
    same_epoch += order(0, i) == order(1, i);
    same_seed += order(0, i) == other(0, i);
  }
  EXPECT_LT(same_epoch, 10);
  EXPECT_LT(same_seed, 10);
}

TEST(Permutation, StaysTheSameForever) {
  const auto order = permutation(42, 50000);
  const std::vector<std::int64_t> found{order(0, 0), order(0, 1), order(0, 49999), order(1, 0),
                                        order(1000, 12345)};
  EXPECT_EQ(found, (std::vector<std::int64_t>{20233, 10703, 10686, 47083, 5499}));
}

/// Chi-squared of where each element lands, over many epochs; its mean is the degrees of freedom, (size -
/// 1)^2.
double position_chi_squared(std::int64_t size, int epochs) {
  const auto order = permutation(5, size);
  std::vector<int> counts(static_cast<std::size_t>(size * size));
  for (int epoch = 0; epoch < epochs; ++epoch) {
    for (std::int64_t i = 0; i < size; ++i) {
      ++counts[static_cast<std::size_t>(i * size + order(static_cast<std::uint64_t>(epoch), i))];
    }
  }
  const double expected = static_cast<double>(epochs) / static_cast<double>(size);
  double sum = 0;
  for (const int count : counts) sum += (count - expected) * (count - expected) / expected;
  return sum;
}

TEST(Permutation, PutsEveryElementEverywhereEquallyOften) {
  for (const std::int64_t size : {2, 3, 5, 7, 10, 16, 37}) {
    const auto freedom = static_cast<double>((size - 1) * (size - 1));
    // Six standard deviations of a chi-squared variable, and a little for the skew of the small ones.
    EXPECT_LT(position_chi_squared(size, 20000), freedom + 6 * std::sqrt(2 * freedom) + 12)
        << "size " << size;
  }
}

TEST(Permutation, MakesAllOrdersOfFourEquallyOften) {
  const auto order = permutation(11, 4);
  std::vector<int> counts(256);
  constexpr int kEpochs = 24000;
  for (int epoch = 0; epoch < kEpochs; ++epoch) {
    std::size_t code = 0;
    for (int i = 0; i < 4; ++i)
      code = code * 4 + static_cast<std::size_t>(order(static_cast<std::uint64_t>(epoch), i));
    ++counts[code];
  }
  int orders = 0;
  double chi_squared = 0;
  for (const int count : counts) {
    if (count == 0) continue;
    ++orders;
    chi_squared += (count - 1000.0) * (count - 1000.0) / 1000.0;
  }
  EXPECT_EQ(orders, 24);
  EXPECT_LT(chi_squared, 23 + 6 * std::sqrt(46.0));
}

TEST(Permutation, LeavesNoTraceOfTheOrderBetweenNeighbours) {
  constexpr std::int64_t kSize = 50000;
  const auto order = permutation(42, kSize);
  double covariance = 0;
  int ascending = 0;
  for (std::int64_t i = 0; i + 1 < kSize; ++i) {
    const double x = static_cast<double>(order(0, i)) / kSize - 0.5;
    const double y = static_cast<double>(order(0, i + 1)) / kSize - 0.5;
    covariance += x * y;
    ascending += x < y;
  }
  EXPECT_LT(std::abs(covariance / kSize * 12), 0.03);
  EXPECT_NEAR(ascending, kSize / 2, 600);
}

}  // namespace
}  // namespace convoy
