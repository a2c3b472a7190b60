#pragma once

#include <Random123/philox.h>
#include <array>
#include <cstdint>

#include "core/math.h"

namespace convoy {

/// What a random draw is for. Draws of different purposes never share a key.
enum class RandomPurpose : std::uint32_t { initialize = 1, shuffle, augment, dropout, shapes, holdout, test };

/// A counter-based generator (Philox4x32-10: Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC
/// 2011). A draw is a pure function of its key (seed, purpose, layer) and its counter, so there is no state
/// to save, and no draw depends on who makes it or when, nor on which device.
class RandomStream {
 public:
  using Words = r123::Philox4x32::ctr_type;

  CONVOY_MATH RandomStream(std::uint64_t seed, RandomPurpose purpose, std::uint32_t layer = 0) {
    const auto key =
        r123::Philox4x32{}({{static_cast<std::uint32_t>(purpose), layer, 0, 0}},
                           {{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)}});
    key_ = {{key[0], key[1]}};
  }

  /// Four independent words for one counter; by convention (step or epoch, position in the global batch or
  /// sample, element).
  CONVOY_MATH Words operator()(std::uint64_t step, std::uint32_t position, std::uint32_t element) const {
    return r123::Philox4x32{}(
        {{element, position, static_cast<std::uint32_t>(step), static_cast<std::uint32_t>(step >> 32)}},
        key_);
  }

  std::array<std::uint32_t, 2> key() const { return {key_[0], key_[1]}; }

 private:
  r123::Philox4x32::key_type key_;
};

/// Uniform in [0, 1): the word's upper 24 bits, exactly representable as float.
CONVOY_MATH float uniform_float(std::uint32_t word) { return static_cast<float>(word >> 8) * 0x1p-24f; }
/// Uniform in the open interval (0, 1), from 53 bits of two words: a draw for an inverse distribution
/// function.
CONVOY_MATH double uniform_double(std::uint32_t high, std::uint32_t low) {
  const std::uint64_t bits = (std::uint64_t{high} << 32 | low) >> 11;
  return (static_cast<double>(bits) + 0.5) * 0x1p-53;
}
/// Uniform in {0, …, bound - 1}; bound at most 2^32. Multiply-shift: its bias is below bound / 2^32.
CONVOY_MATH std::uint32_t uniform_below(std::uint32_t word, std::uint64_t bound) {
  return static_cast<std::uint32_t>((std::uint64_t{word} * bound) >> 32);
}

}  // namespace convoy
