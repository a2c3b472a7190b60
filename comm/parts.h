#pragma once

#include <cstdint>
#include <numeric>
#include <span>

namespace convoy {

/// The part of `rank` in `data`, of which the ranks hold counts[0], counts[1], … elements in rank order.
template <class T>
std::span<T> part_of_rank(std::span<T> data, std::span<const std::int64_t> counts, int rank) {
  const auto begin = std::accumulate(counts.begin(), counts.begin() + rank, std::int64_t{0});
  return data.subspan(static_cast<std::size_t>(begin),
                      static_cast<std::size_t>(counts[static_cast<std::size_t>(rank)]));
}

/// The sum of two ranks' values. Integers wrap around: where a gradient was too large to be summed, nobody
/// reads the sum, and it must not be undefined behaviour either.
inline std::int64_t sum_of(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
inline float sum_of(float a, float b) { return a + b; }

}  // namespace convoy
