#include "core/data/augment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/sha256.h"

namespace convoy {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;
using Bytes = std::vector<std::uint8_t>;

Bytes apply(const std::vector<Augmentation>& augmentations, const Shape& shape, Bytes picture,
            std::uint64_t step, std::int64_t position, std::uint64_t seed = 1) {
  Bytes scratch(picture.size());
  Augmenter(augmentations, shape).apply({seed, step, position}, picture.data(), scratch.data());
  return picture;
}

/// What becomes of the text, one character a pixel, over many draws, and how often.
std::map<std::string, int> outcomes(const Augmentation& augmentation, const Shape& shape,
                                    const std::string& text, int draws = 4000) {
  std::map<std::string, int> counts;
  for (int i = 0; i < draws; ++i) {
    const auto out = apply({augmentation}, shape, Bytes(text.begin(), text.end()),
                           static_cast<std::uint64_t>(i / 50), i % 50);
    ++counts[std::string(out.begin(), out.end())];
  }
  return counts;
}

std::set<std::string> keys(const std::map<std::string, int>& counts) {
  std::set<std::string> all;
  for (const auto& [key, count] : counts) all.insert(key);
  return all;
}

std::vector<int> values(const std::map<std::string, int>& counts) {
  std::vector<int> all;
  for (const auto& [key, count] : counts) all.push_back(count);
  return all;
}

const auto kAboutHalf = ::testing::AllOf(::testing::Gt(1850), ::testing::Lt(2150));
const auto kAboutAQuarter = ::testing::AllOf(::testing::Gt(850), ::testing::Lt(1150));

TEST(RandomFlip, MirrorsHalfOfThePicturesInItsDirection) {
  const std::string text = "abcdef";  // abc above def
  const auto horizontal = outcomes(RandomFlip{RandomFlip::Mode::horizontal}, {2, 3, 1}, text);
  EXPECT_THAT(keys(horizontal), UnorderedElementsAre("abcdef", "cbafed"));
  EXPECT_THAT(values(horizontal), Each(kAboutHalf));
  const auto vertical = outcomes(RandomFlip{RandomFlip::Mode::vertical}, {2, 3, 1}, text);
  EXPECT_THAT(keys(vertical), UnorderedElementsAre("abcdef", "defabc"));
  EXPECT_THAT(values(vertical), Each(kAboutHalf));
  const auto both = outcomes(RandomFlip{}, {2, 3, 1}, text);
  EXPECT_THAT(keys(both), UnorderedElementsAre("abcdef", "cbafed", "defabc", "fedcba"));
  EXPECT_THAT(values(both), Each(kAboutAQuarter));
}

TEST(RandomFlip, KeepsChannelsTogetherAndOddMiddlesInPlace) {
  EXPECT_THAT(keys(outcomes(RandomFlip{RandomFlip::Mode::horizontal}, {1, 2, 3}, "rgbRGB")),
              UnorderedElementsAre("rgbRGB", "RGBrgb"));
  EXPECT_THAT(keys(outcomes(RandomFlip{RandomFlip::Mode::vertical}, {3, 1, 2}, "aAbBcC")),
              UnorderedElementsAre("aAbBcC", "cCbBaA"));
}

TEST(RandomCrop, CutsEveryPlaceOfThePaddedPicture) {
  const auto found = outcomes(RandomCrop{.padding = 1, .fill = '.'}, {2, 2, 1}, "abcd", 9000);
  EXPECT_THAT(keys(found),
              UnorderedElementsAre("...a", "..ab", "..b.", ".a.c", "abcd", "b.d.", ".c..", "cd..", "d..."));
  EXPECT_THAT(values(found), Each(::testing::AllOf(::testing::Gt(850), ::testing::Lt(1150))));
}

TEST(RandomCrop, KeepsChannelsTogetherAndMayLoseThePicture) {
  EXPECT_THAT(keys(outcomes(RandomCrop{.padding = 2, .fill = '.'}, {1, 2, 2}, "aAbB", 4000)),
              UnorderedElementsAre("....", "..aA", "aAbB", "bB.."));
}

TEST(RandomCrop, WithoutPaddingChangesNothing) {
  EXPECT_THAT(keys(outcomes(RandomCrop{.padding = 0, .fill = '.'}, {2, 2, 1}, "abcd", 100)),
              ElementsAre("abcd"));
}

RandomTranslation sideways(RandomTranslation::FillMode mode) {
  return {.height_factor = 0, .width_factor = 0.5, .fill_mode = mode, .fill = '.'};
}

TEST(RandomTranslation, FillsAsKerasDoes) {
  using Mode = RandomTranslation::FillMode;
  const Shape shape{1, 4, 1};
  EXPECT_THAT(keys(outcomes(sideways(Mode::constant), shape, "abcd")),
              UnorderedElementsAre("..ab", ".abc", "abcd", "bcd.", "cd.."));
  EXPECT_THAT(keys(outcomes(sideways(Mode::nearest), shape, "abcd")),
              UnorderedElementsAre("aaab", "aabc", "abcd", "bcdd", "cddd"));
  EXPECT_THAT(keys(outcomes(sideways(Mode::reflect), shape, "abcd")),
              UnorderedElementsAre("baab", "aabc", "abcd", "bcdd", "cddc"));
  EXPECT_THAT(keys(outcomes(sideways(Mode::wrap), shape, "abcd")),
              UnorderedElementsAre("cdab", "dabc", "abcd", "bcda"));
}

TEST(RandomTranslation, MovesAllDistancesEquallyOftenInBothDirections) {
  const RandomTranslation move{.height_factor = 0.5,
                               .width_factor = 0,
                               .fill_mode = RandomTranslation::FillMode::constant,
                               .fill = '.'};
  const auto found = outcomes(move, {4, 1, 2}, "aAbBcCdD", 5000);
  EXPECT_THAT(keys(found), UnorderedElementsAre("....aAbB", "..aAbBcC", "aAbBcCdD", "bBcCdD..", "cCdD...."));
  EXPECT_THAT(values(found), Each(kAboutAQuarter));  // a fifth of 5,000 draws
}

TEST(RandomTranslation, ByTheWholePictureShowsOnlyItsReflection) {
  const RandomTranslation move{
      .height_factor = 1, .width_factor = 1, .fill_mode = RandomTranslation::FillMode::reflect, .fill = 0};
  EXPECT_THAT(keys(outcomes(move, {1, 2, 1}, "ab")), UnorderedElementsAre("ba", "aa", "ab", "bb"));
}

TEST(Cutout, CoversASquareAroundEveryPixelCutOffAtTheEdges) {
  const auto found = outcomes(Cutout{.size = 3, .fill = '.'}, {3, 3, 1}, "abcdefghi", 9000);
  EXPECT_THAT(keys(found),
              UnorderedElementsAre("..c..fghi", "......ghi", "a..d..ghi", "..c..f..i", ".........",
                                   "a..d..g..", "abc..f..i", "abc......", "abcd..g.."));
  EXPECT_THAT(values(found), Each(::testing::AllOf(::testing::Gt(850), ::testing::Lt(1150))));
}

TEST(Cutout, OfEvenSizeHasItsCentreAtTheLowerRight) {
  EXPECT_THAT(keys(outcomes(Cutout{.size = 2, .fill = '.'}, {1, 4, 2}, "aAbBcCdD")),
              UnorderedElementsAre("..bBcCdD", "....cCdD", "aA....dD", "aAbB...."));
}

TEST(Cutout, LargerThanThePictureCoversAllOfIt) {
  EXPECT_THAT(keys(outcomes(Cutout{.size = 9, .fill = '.'}, {2, 2, 1}, "abcd", 100)), ElementsAre("...."));
}

Bytes gradient() {
  Bytes picture(32 * 32 * 3);
  for (std::size_t i = 0; i < picture.size(); ++i) picture[i] = static_cast<std::uint8_t>(i * 7 + i / 96);
  return picture;
}

const std::vector<Augmentation> kAll{RandomFlip{}, RandomCrop{},
                                     RandomTranslation{.height_factor = 0.1, .width_factor = 0.2}, Cutout{}};

TEST(Augmenter, DrawsDependOnSeedStepAndPosition) {
  const Shape shape{32, 32, 3};
  const auto first = apply(kAll, shape, gradient(), 5, 7);
  EXPECT_EQ(apply(kAll, shape, gradient(), 5, 7), first);
  EXPECT_NE(apply(kAll, shape, gradient(), 6, 7), first);
  EXPECT_NE(apply(kAll, shape, gradient(), 5, 8), first);
  EXPECT_NE(apply(kAll, shape, gradient(), 5, 7, 2), first);
}

TEST(Augmenter, EveryEntryOfTheListDrawsForItself) {
  // Were the draws shared, the second flip would always undo the first.
  const RandomFlip flip{RandomFlip::Mode::horizontal};
  int unchanged = 0;
  for (int i = 0; i < 1000; ++i) {
    unchanged += apply({flip, flip}, {1, 2, 1}, {1, 2}, 0, i) == Bytes{1, 2};
  }
  EXPECT_NEAR(unchanged, 500, 80);
}

TEST(Augmenter, StaysTheSameForever) {
  Sha256 hash;
  for (std::int64_t position = 0; position < 100; ++position) {
    hash.update(
        std::as_bytes(std::span<const std::uint8_t>(apply(kAll, {32, 32, 3}, gradient(), 3, position))));
  }
  EXPECT_EQ(hash.hex(), "c54a9fdf4314c23814b139aaed9443f9f7f0919eed136809bde48d01a1e419e5");
}

}  // namespace
}  // namespace convoy
