#include "core/data/augment.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "core/random.h"

namespace convoy {

namespace {

using FillMode = RandomTranslation::FillMode;

/// Where the value at index i of an axis that goes on beyond its n elements comes from; -1: from nowhere.
std::int64_t source_index(std::int64_t i, std::int64_t n, FillMode mode) {
  if (i >= 0 && i < n) return i;
  switch (mode) {
    case FillMode::constant:
      return -1;
    case FillMode::nearest:
      return std::clamp<std::int64_t>(i, 0, n - 1);
    case FillMode::wrap:
      return (i % n + n) % n;
    case FillMode::reflect: {
      const std::int64_t folded = (i % (2 * n) + 2 * n) % (2 * n);
      return folded < n ? folded : 2 * n - 1 - folded;
    }
  }
  return -1;
}

}  // namespace

/// The four words that one augmentation of one sample draws.
struct Augmenter::Draws {
  RandomStream::Words words;

  bool coin(std::size_t i) const { return words[i] >> 31 != 0; }
  /// From {0, …, bound - 1}
  std::int64_t below(std::size_t i, std::int64_t bound) const {
    return uniform_below(words[i], static_cast<std::uint64_t>(bound));
  }
};

Augmenter::Augmenter(std::vector<Augmentation> augmentations, const Shape& shape)
    : augmentations_(std::move(augmentations)) {
  require(shape.rank() == 3, "pictures have three axes");
  height_ = shape[0];
  width_ = shape[1];
  channels_ = shape[2];
}

void Augmenter::apply(const RandomPoint& point, std::uint8_t* picture, std::uint8_t* scratch) const {
  for (std::size_t k = 0; k < augmentations_.size(); ++k) {
    const RandomStream stream(point.seed, RandomPurpose::augment, static_cast<std::uint32_t>(k));
    const Draws draws{stream(point.step, static_cast<std::uint32_t>(point.first_position), 0)};
    std::visit([&](const auto& augmentation) { apply_one(augmentation, draws, picture, scratch); },
               augmentations_[k]);
  }
}

void Augmenter::apply_one(const RandomFlip& flip, const Draws& draws, std::uint8_t* picture,
                          std::uint8_t* /*scratch*/) const {
  const std::int64_t row = width_ * channels_;
  if (flip.mode != RandomFlip::Mode::vertical && draws.coin(0)) {
    for (std::int64_t y = 0; y < height_; ++y) {
      std::uint8_t* left = picture + y * row;
      std::uint8_t* right = left + row - channels_;
      for (; left < right; left += channels_, right -= channels_)
        std::swap_ranges(left, left + channels_, right);
    }
  }
  if (flip.mode != RandomFlip::Mode::horizontal && draws.coin(1)) {
    for (std::int64_t y = 0; y < height_ / 2; ++y) {
      std::swap_ranges(picture + y * row, picture + (y + 1) * row, picture + (height_ - 1 - y) * row);
    }
  }
}

void Augmenter::apply_one(const RandomCrop& crop, const Draws& draws, std::uint8_t* picture,
                          std::uint8_t* scratch) const {
  const std::int64_t down = crop.padding - draws.below(0, 2 * crop.padding + 1);
  const std::int64_t right = crop.padding - draws.below(1, 2 * crop.padding + 1);
  shift(down, right, FillMode::constant, crop.fill, picture, scratch);
}

void Augmenter::apply_one(const RandomTranslation& move, const Draws& draws, std::uint8_t* picture,
                          std::uint8_t* scratch) const {
  const std::int64_t most_down = std::llround(move.height_factor * static_cast<double>(height_));
  const std::int64_t most_right = std::llround(move.width_factor * static_cast<double>(width_));
  const std::int64_t down = draws.below(0, 2 * most_down + 1) - most_down;
  const std::int64_t right = draws.below(1, 2 * most_right + 1) - most_right;
  shift(down, right, move.fill_mode, move.fill, picture, scratch);
}

void Augmenter::apply_one(const Cutout& cutout, const Draws& draws, std::uint8_t* picture,
                          std::uint8_t* /*scratch*/) const {
  const std::int64_t top = draws.below(0, height_) - cutout.size / 2;
  const std::int64_t left = draws.below(1, width_) - cutout.size / 2;
  const std::int64_t first_x = std::max<std::int64_t>(left, 0);
  const std::int64_t last_x = std::min(left + cutout.size, width_);
  for (std::int64_t y = std::max<std::int64_t>(top, 0); y < std::min(top + cutout.size, height_); ++y) {
    std::fill(picture + (y * width_ + first_x) * channels_, picture + (y * width_ + last_x) * channels_,
              cutout.fill);
  }
}

void Augmenter::shift(std::int64_t down, std::int64_t right, FillMode mode, std::uint8_t fill,
                      std::uint8_t* picture, std::uint8_t* scratch) const {
  if (down == 0 && right == 0) return;
  const std::int64_t row = width_ * channels_;
  std::memcpy(scratch, picture, static_cast<std::size_t>(height_ * row));
  // The columns that stay in sight move as one block; only the others are looked up one by one.
  const std::int64_t first_x = std::clamp<std::int64_t>(right, 0, width_);
  const std::int64_t last_x = std::clamp<std::int64_t>(width_ + right, 0, width_);
  for (std::int64_t y = 0; y < height_; ++y) {
    std::uint8_t* out = picture + y * row;
    const std::int64_t source_y = source_index(y - down, height_, mode);
    if (source_y < 0) {
      std::fill(out, out + row, fill);
      continue;
    }
    const std::uint8_t* in = scratch + source_y * row;
    const auto look_up = [&](std::int64_t x) {
      const std::int64_t source_x = source_index(x - right, width_, mode);
      for (std::int64_t c = 0; c < channels_; ++c) {
        out[x * channels_ + c] = source_x < 0 ? fill : in[source_x * channels_ + c];
      }
    };
    for (std::int64_t x = 0; x < first_x; ++x) look_up(x);
    std::copy(in + (first_x - right) * channels_, in + (last_x - right) * channels_,
              out + first_x * channels_);
    for (std::int64_t x = last_x; x < width_; ++x) look_up(x);
  }
}

}  // namespace convoy
