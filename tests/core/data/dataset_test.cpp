#include "core/data/dataset.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <set>

#include "core/data/shapes.h"
#include "tests/core/data/files.h"

namespace convoy {
namespace {

using testing::Bytes;
using testing::error_of;
using ::testing::HasSubstr;

Bytes picture(const Dataset& dataset, std::int64_t i) {
  Bytes bytes(static_cast<std::size_t>(dataset.sample_bytes()));
  dataset.read(i, bytes.data());
  return bytes;
}

DatasetPtr small_shapes(std::int64_t samples, Split split = Split::train, std::uint64_t seed = 0) {
  return make_shapes({.seed = seed, .train_samples = samples, .test_samples = samples}, split);
}

TEST(Shapes, AreTheSameBytesOnEveryMachine) {
  EXPECT_EQ(small_shapes(200)->sha256(), "2424ac3924ae12f0d5557fe3be0664ed2c397594e7f95976660ace2f71c3a429");
  EXPECT_EQ(small_shapes(200, Split::test)->sha256(),
            "78b344412c311b6856bb5ff2b1b116eafd06243ccbfd5128ff25b7f7029ec031");
}

TEST(Shapes, DoNotDependOnHowManyAreMade) {
  const auto few = small_shapes(20), many = small_shapes(50);
  EXPECT_EQ(few->sha256(), limited(many, 20)->sha256());
}

TEST(Shapes, DifferBetweenSeedsSplitsAndSamples) {
  std::set<Bytes> pictures;
  for (const std::uint64_t seed : {0, 1}) {
    for (const auto split : {Split::train, Split::test}) {
      const auto shapes = small_shapes(30, split, seed);
      for (std::int64_t i = 0; i < 30; ++i) pictures.insert(picture(*shapes, i));
    }
  }
  EXPECT_EQ(pictures.size(), 120u);
}

TEST(Shapes, HaveTenEquallyFrequentClasses) {
  const auto shapes = small_shapes(100);
  EXPECT_EQ(shapes->classes(), 10);
  std::vector<int> counts(10);
  for (std::int64_t i = 0; i < 100; ++i) ++counts.at(static_cast<std::size_t>(shapes->label(i)));
  EXPECT_EQ(counts, std::vector<int>(10, 10));
}

TEST(Shapes, RefuseImpossibleSizes) {
  EXPECT_THAT(error_of([] { small_shapes(0); }), HasSubstr("0 train samples, expected 1 to"));
  EXPECT_THAT(error_of([] { small_shapes(std::int64_t{1} << 40); }), HasSubstr("expected 1 to"));
}

TEST(Dataset, HashCoversLabelsPicturesAndShape) {
  struct Fake : Dataset {
    Fake(const Shape& shape, int wanted_label, std::uint8_t wanted_value)
        : Dataset("fake", shape, numbered_classes(3), 2), the_label(wanted_label), value(wanted_value) {}
    int label(std::int64_t) const override { return the_label; }
    void read(std::int64_t, std::uint8_t* hwc) const override { std::fill_n(hwc, sample_bytes(), value); }
    int the_label;
    std::uint8_t value;
  };
  const auto hash = Fake({2, 2, 1}, 1, 5).sha256();
  EXPECT_EQ(Fake({2, 2, 1}, 1, 5).sha256(), hash);
  EXPECT_NE(Fake({4, 1, 1}, 1, 5).sha256(), hash);
  EXPECT_NE(Fake({2, 2, 1}, 2, 5).sha256(), hash);
  EXPECT_NE(Fake({2, 2, 1}, 1, 6).sha256(), hash);
}

TEST(Dataset, DescribesItself) {
  EXPECT_EQ(small_shapes(20)->describe(),
            "generated shapes train (seed 0): 20 samples of [32, 32, 3], 10 classes");
  EXPECT_EQ(limited(small_shapes(20), 5)->describe(),
            "the first 5 of generated shapes train (seed 0): 5 samples of [32, 32, 3], 10 classes");
}

TEST(Limit, TakesTheFirstSamples) {
  const auto shapes = small_shapes(20);
  const auto first = limited(shapes, 7);
  ASSERT_EQ(first->size(), 7);
  for (std::int64_t i = 0; i < 7; ++i) {
    EXPECT_EQ(first->label(i), shapes->label(i));
    EXPECT_EQ(picture(*first, i), picture(*shapes, i));
  }
  EXPECT_EQ(limited(shapes, 20), shapes);
  EXPECT_EQ(limited(shapes, 1000), shapes);
  EXPECT_THAT(error_of([&] { limited(shapes, 0); }), HasSubstr("leaves no samples"));
}

TEST(Holdout, CutsADataSetInTwoDisjointParts) {
  const auto shapes = small_shapes(100);
  const auto parts = hold_out(shapes, 0.25, 3);
  ASSERT_EQ(parts.held_out->size(), 25);
  ASSERT_EQ(parts.training->size(), 75);
  std::multiset<Bytes> all, parted;
  for (std::int64_t i = 0; i < 100; ++i) all.insert(picture(*shapes, i));
  for (const auto& part : {parts.training, parts.held_out}) {
    for (std::int64_t i = 0; i < part->size(); ++i) parted.insert(picture(*part, i));
  }
  EXPECT_EQ(all, parted);
}

TEST(Holdout, IsAChoiceOfTheSeedAlone) {
  const auto shapes = small_shapes(100);
  EXPECT_EQ(hold_out(shapes, 0.2, 3).held_out->sha256(), hold_out(shapes, 0.2, 3).held_out->sha256());
  EXPECT_NE(hold_out(shapes, 0.2, 3).held_out->sha256(), hold_out(shapes, 0.2, 4).held_out->sha256());
}

TEST(Holdout, RefusesFractionsThatLeaveAPartEmpty) {
  const auto shapes = small_shapes(10);
  for (const double fraction : {0.0, 0.01, 0.99, 1.0, -1.0, 2.0, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_THAT(error_of<ConfigError>([&] { hold_out(shapes, fraction, 1); }), HasSubstr("choose a fraction"))
        << fraction;
  }
}

}  // namespace
}  // namespace convoy
