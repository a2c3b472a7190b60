#include "core/data/augment.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/error.h"
#include "core/random.h"

namespace convoy {

namespace {

using Kind = PlannedAugmentation::Kind;

PlannedAugmentation plan_of(const RandomFlip& flip, const Shape&) {
  return {.kind = Kind::flip,
          .may_mirror_x = flip.mode != RandomFlip::Mode::vertical,
          .may_mirror_y = flip.mode != RandomFlip::Mode::horizontal};
}

PlannedAugmentation plan_of(const RandomCrop& crop, const Shape&) {
  return {.kind = Kind::crop, .fill = crop.fill, .most_down = crop.padding, .most_right = crop.padding};
}

PlannedAugmentation plan_of(const RandomTranslation& move, const Shape& shape) {
  return {.kind = Kind::translation,
          .edge = move.fill_mode,
          .fill = move.fill,
          .most_down = std::llround(move.height_factor * static_cast<double>(shape[0])),
          .most_right = std::llround(move.width_factor * static_cast<double>(shape[1]))};
}

PlannedAugmentation plan_of(const Cutout& cutout, const Shape&) {
  return {.kind = Kind::cutout, .fill = cutout.fill, .size = cutout.size};
}

}  // namespace

Augmenter::Augmenter(const std::vector<Augmentation>& augmentations, const Shape& shape) {
  require(shape.rank() == 3, "pictures have three axes");
  height_ = shape[0];
  width_ = shape[1];
  channels_ = shape[2];
  for (const Augmentation& augmentation : augmentations)
    plans_.push_back(std::visit([&](const auto& kind) { return plan_of(kind, shape); }, augmentation));
}

void Augmenter::apply(const RandomPoint& point, std::uint8_t* picture, std::uint8_t* scratch) const {
  for (std::size_t k = 0; k < plans_.size(); ++k) {
    const RandomStream stream(point.seed, RandomPurpose::augment, static_cast<std::uint32_t>(k));
    const DrawnAugmentation drawn = draw(
        plans_[k], height_, width_, stream(point.step, static_cast<std::uint32_t>(point.first_position), 0));
    switch (drawn.kind) {
      case DrawnAugmentation::Kind::flip:
        flip(drawn, picture);
        break;
      case DrawnAugmentation::Kind::shift:
        shift(drawn, picture, scratch);
        break;
      case DrawnAugmentation::Kind::cutout:
        cut_out(drawn, picture);
        break;
    }
  }
}

// What follows is trace_back() for whole rows at once.

void Augmenter::flip(const DrawnAugmentation& drawn, std::uint8_t* picture) const {
  const std::int64_t row = width_ * channels_;
  if (drawn.mirrored_x) {
    for (std::int64_t y = 0; y < height_; ++y) {
      std::uint8_t* left = picture + y * row;
      std::uint8_t* right = left + row - channels_;
      for (; left < right; left += channels_, right -= channels_)
        std::swap_ranges(left, left + channels_, right);
    }
  }
  if (drawn.mirrored_y) {
    for (std::int64_t y = 0; y < height_ / 2; ++y) {
      std::swap_ranges(picture + y * row, picture + (y + 1) * row, picture + (height_ - 1 - y) * row);
    }
  }
}

void Augmenter::cut_out(const DrawnAugmentation& drawn, std::uint8_t* picture) const {
  const std::int64_t first_x = std::max<std::int64_t>(drawn.left, 0);
  const std::int64_t last_x = std::min(drawn.last, width_);
  for (std::int64_t y = std::max<std::int64_t>(drawn.top, 0); y < std::min(drawn.bottom, height_); ++y) {
    std::fill(picture + (y * width_ + first_x) * channels_, picture + (y * width_ + last_x) * channels_,
              drawn.fill);
  }
}

void Augmenter::shift(const DrawnAugmentation& drawn, std::uint8_t* picture, std::uint8_t* scratch) const {
  if (drawn.down == 0 && drawn.right == 0) return;
  const std::int64_t row = width_ * channels_;
  std::memcpy(scratch, picture, static_cast<std::size_t>(height_ * row));
  // The columns that stay in sight move as one block; only the others are looked up one by one.
  const std::int64_t first_x = std::clamp<std::int64_t>(drawn.right, 0, width_);
  const std::int64_t last_x = std::clamp<std::int64_t>(width_ + drawn.right, 0, width_);
  for (std::int64_t y = 0; y < height_; ++y) {
    std::uint8_t* out = picture + y * row;
    const std::int64_t source_y = source_index(y - drawn.down, height_, drawn.edge);
    if (source_y < 0) {
      std::fill(out, out + row, drawn.fill);
      continue;
    }
    const std::uint8_t* in = scratch + source_y * row;
    const auto look_up = [&](std::int64_t x) {
      const std::int64_t source_x = source_index(x - drawn.right, width_, drawn.edge);
      for (std::int64_t c = 0; c < channels_; ++c) {
        out[x * channels_ + c] = source_x < 0 ? drawn.fill : in[source_x * channels_ + c];
      }
    };
    for (std::int64_t x = 0; x < first_x; ++x) look_up(x);
    std::copy(in + (first_x - drawn.right) * channels_, in + (last_x - drawn.right) * channels_,
              out + first_x * channels_);
    for (std::int64_t x = last_x; x < width_; ++x) look_up(x);
  }
}

}  // namespace convoy
