#pragma once

#include <cstdint>

#include "core/random.h"

namespace convoy {

// What becomes of a pixel under an augmentation, for the CPU and the device alike.

/// What lies beyond a picture's edges; see RandomTranslation.
enum class EdgeFill : std::int32_t { constant, nearest, reflect, wrap };

/// An augmentation in plain numbers, for pictures of one size.
struct PlannedAugmentation {
  enum class Kind : std::int32_t { flip, crop, translation, cutout };
  Kind kind = Kind::flip;
  EdgeFill edge = EdgeFill::constant;
  std::uint8_t fill = 0;
  bool may_mirror_x = false, may_mirror_y = false;
  std::int64_t most_down = 0, most_right = 0;  ///< pixels that the picture may move by
  std::int64_t size = 0;                       ///< of the square that is cut out
};

/// An augmentation whose draws are made. Trivial, so that the threads of a block can share it.
struct DrawnAugmentation {
  enum class Kind : std::int32_t { flip, shift, cutout };
  Kind kind;
  EdgeFill edge;
  std::uint8_t fill;
  bool mirrored_x, mirrored_y;
  std::int64_t down, right;              ///< pixels that the picture moves by
  std::int64_t top, left, bottom, last;  ///< rows [top, bottom), columns [left, last) are overwritten
};

/// With the words of RandomStream(seed, augment, place in the list)(step, position, 0), for pictures [height,
/// width].
CONVOY_MATH DrawnAugmentation draw(const PlannedAugmentation& plan, std::int64_t height, std::int64_t width,
                                   const RandomStream::Words& words) {
  const auto below = [&](unsigned i, std::int64_t bound) {
    return static_cast<std::int64_t>(uniform_below(words[i], static_cast<std::uint64_t>(bound)));
  };
  DrawnAugmentation drawn{};
  drawn.edge = plan.edge;
  drawn.fill = plan.fill;
  switch (plan.kind) {
    case PlannedAugmentation::Kind::flip:
      drawn.kind = DrawnAugmentation::Kind::flip;
      drawn.mirrored_x = plan.may_mirror_x && words[0] >> 31 != 0;
      drawn.mirrored_y = plan.may_mirror_y && words[1] >> 31 != 0;
      break;
    case PlannedAugmentation::Kind::crop:
      drawn.kind = DrawnAugmentation::Kind::shift;
      drawn.down = plan.most_down - below(0, 2 * plan.most_down + 1);
      drawn.right = plan.most_right - below(1, 2 * plan.most_right + 1);
      break;
    case PlannedAugmentation::Kind::translation:
      drawn.kind = DrawnAugmentation::Kind::shift;
      drawn.down = below(0, 2 * plan.most_down + 1) - plan.most_down;
      drawn.right = below(1, 2 * plan.most_right + 1) - plan.most_right;
      break;
    case PlannedAugmentation::Kind::cutout:
      drawn.kind = DrawnAugmentation::Kind::cutout;
      drawn.top = below(0, height) - plan.size / 2;
      drawn.left = below(1, width) - plan.size / 2;
      drawn.bottom = drawn.top + plan.size;
      drawn.last = drawn.left + plan.size;
      break;
  }
  return drawn;
}

/// Where the value at index i of an axis that goes on beyond its n elements comes from; -1: from nowhere.
CONVOY_MATH std::int64_t source_index(std::int64_t i, std::int64_t n, EdgeFill edge) {
  if (i >= 0 && i < n) return i;
  switch (edge) {
    case EdgeFill::constant:
      return -1;
    case EdgeFill::nearest:
      return i < 0 ? 0 : n - 1;
    case EdgeFill::wrap:
      return (i % n + n) % n;
    case EdgeFill::reflect: {
      const std::int64_t folded = (i % (2 * n) + 2 * n) % (2 * n);
      return folded < n ? folded : 2 * n - 1 - folded;
    }
  }
  return -1;
}

/// Moves (y, x), a pixel after the augmentation, to where its value was before. False: its value is `fill`.
CONVOY_MATH bool trace_back(const DrawnAugmentation& drawn, std::int64_t height, std::int64_t width,
                            std::int64_t& y, std::int64_t& x) {
  switch (drawn.kind) {
    case DrawnAugmentation::Kind::flip:
      if (drawn.mirrored_y) y = height - 1 - y;
      if (drawn.mirrored_x) x = width - 1 - x;
      return true;
    case DrawnAugmentation::Kind::shift:
      y = source_index(y - drawn.down, height, drawn.edge);
      x = source_index(x - drawn.right, width, drawn.edge);
      return y >= 0 && x >= 0;
    case DrawnAugmentation::Kind::cutout:
      return y < drawn.top || y >= drawn.bottom || x < drawn.left || x >= drawn.last;
  }
  return true;
}

}  // namespace convoy
