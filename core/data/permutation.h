#pragma once

#include <cstdint>

#include "core/random.h"

namespace convoy {

/// Random permutations of {0, …, size - 1} with random access and without memory: one for each value of
/// `epoch`.
///
/// A Feistel network over Z_a x Z_b with a * b just above `size` (Black and Rogaway, "Ciphers with Arbitrary
/// Finite Domains", CT-RSA 2002, method 3), its round function a RandomStream; a result outside the domain is
/// permuted again ("cycle walking"), seldom more than once.
class Permutation {
 public:
  Permutation(const RandomStream& stream, std::int64_t size);

  std::int64_t size() const { return size_; }
  /// The element at `index` of the epoch's order. REQUIRES: 0 <= index < size().
  CONVOY_MATH std::int64_t operator()(std::uint64_t epoch, std::int64_t index) const {
    auto value = static_cast<std::uint64_t>(index);
    do {
      std::uint64_t left = value / b_;
      std::uint64_t right = value % b_;
      for (std::uint32_t round = 0; round < kRounds; round += 2) {
        const std::uint32_t left_word = stream_(epoch, static_cast<std::uint32_t>(right), round)[0];
        left = add_mod(left, uniform_below(left_word, a_), a_);
        const std::uint32_t right_word = stream_(epoch, static_cast<std::uint32_t>(left), round + 1)[0];
        right = add_mod(right, uniform_below(right_word, b_), b_);
      }
      value = left * b_ + right;
    } while (value >= static_cast<std::uint64_t>(size_));
    return static_cast<std::int64_t>(value);
  }

 private:
  // Each round makes one half anew from the other. Four suffice for large domains, small ones need more to be
  // even.
  static constexpr std::uint32_t kRounds = 8;

  CONVOY_MATH static std::uint64_t add_mod(std::uint64_t x, std::uint64_t y, std::uint64_t modulus) {
    const std::uint64_t sum = x + y;
    return sum >= modulus ? sum - modulus : sum;
  }

  RandomStream stream_;
  std::int64_t size_;
  std::uint64_t a_ = 1, b_ = 1;
};

}  // namespace convoy
