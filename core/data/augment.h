#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "core/backend.h"
#include "core/data/drawn_augmentation.h"
#include "core/tensor.h"

namespace convoy {

// Random changes of training pictures [H, W, C], 8 bits a value, before scaling; each keeps the size.

/// Mirrors with probability 1/2, in each of the mode's directions independently.
struct RandomFlip {
  enum class Mode { horizontal, vertical, horizontal_and_vertical };
  Mode mode = Mode::horizontal_and_vertical;
};

/// Surrounds the picture with `padding` pixels of value `fill` and cuts out one of its own size, all places
/// equally likely.
struct RandomCrop {
  std::int64_t padding = 4;
  std::uint8_t fill = 0;
};

/// Moves the picture by whole pixels, all of -n to n equally likely, where n is the factor's part of the
/// height (down) or width (right), rounded. Factors from 0 to 1. What comes into sight is, as in Keras'
/// RandomTranslation: reflect d c b a|a b c d|d c b a, wrap a b c d|a b c d|a b c d, nearest a a a a|a b c
/// d|d d d d, or `fill`.
struct RandomTranslation {
  using FillMode = EdgeFill;
  double height_factor = 0;
  double width_factor = 0;
  FillMode fill_mode = FillMode::reflect;
  std::uint8_t fill = 0;
};

/// Overwrites a square of `size` pixels a side, its centre (the lower right one of an even size) anywhere in
/// the picture, the part outside cut off (DeVries and Taylor, "Improved Regularization of Convolutional
/// Neural Networks with Cutout", 2017).
struct Cutout {
  std::int64_t size = 8;
  std::uint8_t fill = 0;
};

using Augmentation = std::variant<RandomFlip, RandomCrop, RandomTranslation, Cutout>;

/// A list of augmentations, applied in order. The draws of list entry k for the sample at position p of the
/// global batch of step s are RandomStream(seed, augment, k)(s, p, 0): they depend on nothing else.
class Augmenter {
 public:
  /// `shape`: [H, W, C].
  Augmenter(const std::vector<Augmentation>& augmentations, const Shape& shape);

  bool empty() const { return plans_.empty(); }
  /// One an augmentation.
  std::span<const PlannedAugmentation> plans() const { return plans_; }
  /// Changes a picture in place; `scratch` has room for another. `first_position` of `point` is the sample's.
  void apply(const RandomPoint& point, std::uint8_t* picture, std::uint8_t* scratch) const;

 private:
  void flip(const DrawnAugmentation& drawn, std::uint8_t* picture) const;
  void shift(const DrawnAugmentation& drawn, std::uint8_t* picture, std::uint8_t* scratch) const;
  void cut_out(const DrawnAugmentation& drawn, std::uint8_t* picture) const;

  std::vector<PlannedAugmentation> plans_;
  std::int64_t height_, width_, channels_;
};

}  // namespace convoy
