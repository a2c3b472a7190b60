#include "core/data/shapes.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include "core/error.h"
#include "core/random.h"

namespace convoy {

namespace {

constexpr int kSide = 32;
constexpr int kChannels = 3;
constexpr int kBytes = kSide * kSide * kChannels;
constexpr std::int64_t kMostSamples = std::int64_t{1} << 24;
using Colour = std::array<int, kChannels>;

enum Figure { disc, ring, square, frame, triangle, plus, diagonal_cross, rows, columns, diamond, kFigures };

/// Whether the figure of radius r around the origin covers (x, y); all in half pixels.
bool covers(Figure figure, int r, int x, int y) {
  const int ax = std::abs(x), ay = std::abs(y);
  const int square_distance = x * x + y * y;
  const bool in_box = ax <= r && ay <= r;
  const int stripe = std::max(2, r / 3);
  switch (figure) {
    case disc:
      return square_distance <= r * r;
    case ring:
      return square_distance <= r * r && 3 * square_distance > r * r;
    case square:
      return 8 * std::max(ax, ay) <= 7 * r;
    case frame:
      return 8 * std::max(ax, ay) <= 7 * r && 8 * std::max(ax, ay) > 4 * r;
    case triangle:
      return in_box && 2 * ax <= y + r;
    case plus:
      return in_box && 4 * std::min(ax, ay) <= r;
    case diagonal_cross:
      return in_box && 3 * std::abs(ax - ay) <= r;
    case rows:
      return in_box && (y + r) / stripe % 2 == 0;
    case columns:
      return in_box && (x + r) / stripe % 2 == 0;
    case diamond:
      return ax + ay <= r;
    default:
      return false;
  }
}

/// Three values, each at least 64 away from those of `other`: a figure always stands out a little.
Colour colour_beside(const Colour& other, const RandomStream::Words& words) {
  Colour colour{};
  for (std::size_t c = 0; c < kChannels; ++c) {
    const auto distance = static_cast<int>(64 + uniform_below(words[c], 129));
    colour[c] = (other[c] + distance) % 256;
  }
  return colour;
}

/// How the counter's `element` is used: the first few draws describe the figure, the others are its noise.
enum Draw : std::uint32_t { kGeometry, kBackground, kForeground, kFirstNoise };

void add_noise(const RandomStream& stream, std::uint32_t sample, int amplitude, std::uint8_t* hwc) {
  constexpr int kPerDraw = 16;
  for (int start = 0; start < kBytes; start += kPerDraw) {
    const auto words = stream(0, sample, kFirstNoise + static_cast<std::uint32_t>(start / kPerDraw));
    for (int i = 0; i < kPerDraw; ++i) {
      const auto byte = static_cast<int>(words[static_cast<std::size_t>(i / 4)] >> (i % 4 * 8) & 0xff);
      const int noise = (byte - 128) * amplitude / 128;
      hwc[start + i] = static_cast<std::uint8_t>(std::clamp(hwc[start + i] + noise, 0, 255));
    }
  }
}

void draw_sample(const RandomStream& stream, std::uint32_t sample, Figure figure, std::uint8_t* hwc) {
  const auto geometry = stream(0, sample, kGeometry);
  const auto radius = static_cast<int>(12 + uniform_below(geometry[0], 15));  // 6 to 13 pixels
  const auto play = static_cast<std::uint64_t>(2 * (kSide - radius) + 1);
  const int centre_x = radius + static_cast<int>(uniform_below(geometry[1], play));
  const int centre_y = radius + static_cast<int>(uniform_below(geometry[2], play));
  const auto amplitude = static_cast<int>(16 + uniform_below(geometry[3], 81));

  const auto back = stream(0, sample, kBackground);
  const Colour background{static_cast<int>(back[0] >> 24), static_cast<int>(back[1] >> 24),
                          static_cast<int>(back[2] >> 24)};
  const Colour foreground = colour_beside(background, stream(0, sample, kForeground));
  std::uint8_t* pixel = hwc;
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {
      const bool covered = covers(figure, radius, 2 * x + 1 - centre_x, 2 * y + 1 - centre_y);
      for (const int value : covered ? foreground : background) *pixel++ = static_cast<std::uint8_t>(value);
    }
  }
  add_noise(stream, sample, amplitude, hwc);
}

class Shapes : public Dataset {
 public:
  Shapes(std::uint64_t seed, Split split, std::int64_t samples)
      : Dataset(fmt::format("generated shapes {} (seed {})", name_of(split), seed),
                Shape{kSide, kSide, kChannels},
                {"disc", "ring", "square", "frame", "triangle", "plus", "diagonal cross", "rows", "columns",
                 "diamond"},
                samples),
        pixels_(static_cast<std::size_t>(samples) * kBytes) {
    const RandomStream stream(seed, RandomPurpose::shapes, split == Split::train ? 0 : 1);
    for (std::int64_t i = 0; i < samples; ++i) {
      draw_sample(stream, static_cast<std::uint32_t>(i), static_cast<Figure>(label(i)),
                  pixels_.data() + i * kBytes);
    }
  }

  int label(std::int64_t i) const override { return static_cast<int>(i % kFigures); }
  void read(std::int64_t i, std::uint8_t* hwc) const override {
    std::memcpy(hwc, pixels_.data() + i * kBytes, kBytes);
  }

 private:
  std::vector<std::uint8_t> pixels_;
};

}  // namespace

DatasetPtr make_shapes(const ShapesOptions& options, Split split) {
  const std::int64_t samples = split == Split::train ? options.train_samples : options.test_samples;
  if (samples < 1 || samples > kMostSamples) {
    throw DataError("data.shapes: {} {} samples, expected 1 to {}", samples, name_of(split), kMostSamples);
  }
  return std::make_shared<Shapes>(options.seed, split, samples);
}

}  // namespace convoy
