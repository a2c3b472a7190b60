#include "core/data/permutation.h"

#include <cmath>

#include "core/error.h"

namespace convoy {

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

}  // namespace convoy
