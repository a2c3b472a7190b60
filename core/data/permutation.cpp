#include "core/data/permutation.h"

#include <cmath>

#include "core/error.h"

namespace convoy {

namespace {
// Each round makes one half anew from the other. Four suffice for large domains, small ones need more to be
// even.
constexpr std::uint32_t kRounds = 8;

std::uint64_t add_mod(std::uint64_t x, std::uint64_t y, std::uint64_t modulus) {
  const std::uint64_t sum = x + y;
  return sum >= modulus ? sum - modulus : sum;
}
}  // namespace

Permutation::Permutation(const RandomStream& stream, std::int64_t size) : stream_(stream), size_(size) {
  require(size >= 0 && size <= (std::int64_t{1} << 62), "a permutation's size is out of range");
  if (size == 0) return;
  const auto n = static_cast<std::uint64_t>(size);
  a_ = static_cast<std::uint64_t>(std::sqrt(static_cast<double>(n)));
  // The square root is taken in floating point: correct it, so that a does not depend on its rounding.
  while (a_ * a_ < n) ++a_;
  while ((a_ - 1) * (a_ - 1) >= n) --a_;
  b_ = (n + a_ - 1) / a_;
}

std::int64_t Permutation::operator()(std::uint64_t epoch, std::int64_t index) const {
  auto value = static_cast<std::uint64_t>(index);
  do {
    std::uint64_t left = value / b_;
    std::uint64_t right = value % b_;
    for (std::uint32_t round = 0; round < kRounds; round += 2) {
      const auto left_word = stream_(epoch, static_cast<std::uint32_t>(right), round)[0];
      left = add_mod(left, uniform_below(left_word, a_), a_);
      const auto right_word = stream_(epoch, static_cast<std::uint32_t>(left), round + 1)[0];
      right = add_mod(right, uniform_below(right_word, b_), b_);
    }
    value = left * b_ + right;
  } while (value >= static_cast<std::uint64_t>(size_));
  return static_cast<std::int64_t>(value);
}

}  // namespace convoy
