#pragma once

#include <cstdint>

#include "core/random.h"

namespace convoy {

/// Random permutations of {0, …, size - 1} with random access and without memory: one for each value of
/// `epoch`.
///
/// A Feistel network over Z_a x Z_b with a * b just above `size` (Black and Rogaway, "Ciphers with Arbitrary
/// Finite Domains", CT-RSA 2002, method 3), its round function a RandomStream; a result outside the domain is
/// permuted again
/// ("cycle walking"), seldom more than once.
class Permutation {
 public:
  Permutation(const RandomStream& stream, std::int64_t size);

  std::int64_t size() const { return size_; }
  /// The element at `index` of the epoch's order. REQUIRES: 0 <= index < size().
  std::int64_t operator()(std::uint64_t epoch, std::int64_t index) const;

 private:
  RandomStream stream_;
  std::int64_t size_;
  std::uint64_t a_ = 1, b_ = 1;
};

}  // namespace convoy
