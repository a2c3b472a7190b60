#include "core/data/input_pipeline.h"

#include <cmath>
#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>

#include "core/data/shapes.h"
#include "tests/core/data/files.h"

namespace convoy {
namespace {

using testing::Bytes;
using ::testing::Each;
using testing::error_of;
using ::testing::HasSubstr;

/// Sample i has value(i, p) at its p-th byte and label i % 3.
class Numbers : public Dataset {
 public:
  Numbers(const Shape& shape, std::int64_t size) : Dataset("numbers", shape, numbered_classes(3), size) {}
  int label(std::int64_t i) const override { return static_cast<int>(i % 3); }
  void read(std::int64_t i, std::uint8_t* hwc) const override {
    for (std::int64_t p = 0; p < sample_bytes(); ++p) hwc[p] = value(i, p);
  }
  static std::uint8_t value(std::int64_t i, std::int64_t p) {
    return static_cast<std::uint8_t>(i * 37 + p * 11);
  }
};

template <class T>
struct Slice {
  std::vector<T> x;
  std::vector<std::int32_t> labels;
  friend bool operator==(const Slice&, const Slice&) = default;
};

template <class T = float>
Slice<T> evaluation(const InputPipeline& pipeline, IndexRange range) {
  const auto n = static_cast<std::size_t>(range.size());
  Slice<T> slice{std::vector<T>(n * static_cast<std::size_t>(pipeline.dataset().sample_bytes())),
                 std::vector<std::int32_t>(n)};
  pipeline.fill_evaluation(range, slice.x.data(), slice.labels.data());
  return slice;
}

template <class T = float>
Slice<T> training(const InputPipeline& pipeline, const BatchPlan& plan, std::int64_t step,
                  IndexRange positions) {
  const auto n = static_cast<std::size_t>(positions.size());
  Slice<T> slice{std::vector<T>(n * static_cast<std::size_t>(pipeline.dataset().sample_bytes())),
                 std::vector<std::int32_t>(n)};
  pipeline.fill_training(plan, step, positions, slice.x.data(), slice.labels.data());
  return slice;
}

TEST(InputPipeline, NormalisesEveryValueInDoubleAndRoundsOnce) {
  for (const std::int64_t channels : {1, 2, 3, 5}) {
    const auto data = std::make_shared<Numbers>(Shape{16, 16, channels}, 4);
    std::vector<double> mean, deviation;
    for (std::int64_t c = 0; c < channels; ++c) {
      mean.push_back(0.4 + 0.03 * static_cast<double>(c));
      deviation.push_back(0.2 + 0.01 * static_cast<double>(c));
    }
    const InputPipeline pipeline(data, {.scale = 1 / 255.0, .mean = mean, .std = deviation});
    const auto floats = evaluation<float>(pipeline, {1, 4});
    const auto doubles = evaluation<double>(pipeline, {1, 4});
    for (std::size_t i = 0; i < floats.x.size(); ++i) {
      const auto bytes = static_cast<std::size_t>(data->sample_bytes());
      const double pixel =
          Numbers::value(static_cast<std::int64_t>(1 + i / bytes), static_cast<std::int64_t>(i % bytes));
      const auto c = i % static_cast<std::size_t>(channels);
      const double expected = (pixel * (1 / 255.0) - mean[c]) / deviation[c];
      ASSERT_EQ(doubles.x[i], expected) << channels << " channels, value " << i;
      ASSERT_EQ(floats.x[i], static_cast<float>(expected)) << channels << " channels, value " << i;
    }
    EXPECT_THAT(floats.labels, ::testing::ElementsAre(1, 2, 0));
  }
}

TEST(InputPipeline, LeavesPixelsAsTheyAreByDefault) {
  const InputPipeline pipeline(std::make_shared<Numbers>(Shape{1, 1, 1}, 300), {});
  EXPECT_EQ(evaluation(pipeline, {1, 2}).x, (std::vector<float>{37}));
}

TEST(InputPipeline, OneMeanServesAllChannels) {
  const InputPipeline pipeline(std::make_shared<Numbers>(Shape{1, 1, 3}, 1),
                               {.scale = 1, .mean = {2}, .std = {2}});
  EXPECT_EQ(evaluation(pipeline, {0, 1}).x, (std::vector<float>{-1, 4.5, 10}));
}

TEST(InputPipeline, RefusesMeansThatDoNotFitTheChannels) {
  const auto data = std::make_shared<Numbers>(Shape{1, 1, 3}, 1);
  EXPECT_THAT(error_of<ConfigError>([&] {
                InputPipeline(data, {.scale = 1, .mean = {1, 2}});
              }),
              HasSubstr("data.mean: 2 numbers, but the pictures have 3 channels"));
  EXPECT_THAT(error_of<ConfigError>([&] {
                InputPipeline(data, {.scale = 1, .std = {1, 0, 1}});
              }),
              HasSubstr("data.std: 0 is not positive"));
}

TEST(InputPipeline, TrainsOnWhatThePlanNames) {
  const auto data = std::make_shared<Numbers>(Shape{2, 2, 1}, 50);
  const InputPipeline pipeline(data, {});
  const BatchPlan plan({.samples = 50, .global_batch_size = 16, .slices = 4, .seed = 3, .shuffle = true});
  const auto slice = training(pipeline, plan, 5, {4, 8});
  for (std::int64_t i = 0; i < 4; ++i) {
    const auto sample = plan.sample(5, 4 + i);
    EXPECT_EQ(slice.labels[static_cast<std::size_t>(i)], sample % 3);
    for (std::int64_t p = 0; p < 4; ++p) {
      EXPECT_EQ(slice.x[static_cast<std::size_t>(i * 4 + p)], Numbers::value(sample, p));
    }
  }
}

class Augmented : public ::testing::Test {
 protected:
  const DatasetPtr data = make_shapes({.seed = 1, .train_samples = 100, .test_samples = 1}, Split::train);
  const InputPipeline pipeline{
      data,
      {.scale = 1 / 255.0,
       .mean = {0.5},
       .std = {0.25},
       .augment = {RandomFlip{}, RandomCrop{}, RandomTranslation{.height_factor = 0.1, .width_factor = 0.1},
                   Cutout{}},
       .seed = 9}};
  const BatchPlan plan{{.samples = 100, .global_batch_size = 32, .slices = 8, .seed = 9, .shuffle = true}};
};

TEST_F(Augmented, BitsDoNotDependOnHowABatchIsCut) {
  const auto whole = training(pipeline, plan, 2, {0, 32});
  for (const std::int64_t slices : {3, 8, 32}) {
    std::vector<float> x;
    for (std::int64_t j = slices - 1; j >= 0; --j) {  // in any order
      const auto part = training(pipeline, plan, 2, part_of(32, slices, j)).x;
      x.insert(x.begin(), part.begin(), part.end());
    }
    EXPECT_EQ(x, whole.x);
  }
}

TEST_F(Augmented, BitsDoNotDependOnThreads) {
  const auto whole = training(pipeline, plan, 2, {0, 32});
  std::vector<Slice<float>> slices(8);
  std::vector<std::thread> threads;
  for (std::int64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::int64_t j = t; j < 8; j += 4)
        slices[static_cast<std::size_t>(j)] = training(pipeline, plan, 2, plan.slice(2, j));
    });
  }
  for (auto& thread : threads) thread.join();
  std::vector<float> x;
  for (const auto& slice : slices) x.insert(x.end(), slice.x.begin(), slice.x.end());
  EXPECT_EQ(x, whole.x);
}

TEST_F(Augmented, FloatAndDoubleSeeTheSamePictures) {
  const auto floats = training<float>(pipeline, plan, 2, {0, 32});
  const auto doubles = training<double>(pipeline, plan, 2, {0, 32});
  for (std::size_t i = 0; i < floats.x.size(); ++i) ASSERT_EQ(floats.x[i], static_cast<float>(doubles.x[i]));
}

TEST_F(Augmented, TheSameSampleLooksDifferentInAnotherEpoch) {
  std::int64_t later = plan.steps_per_epoch();
  std::int64_t position = 0;
  while (plan.sample(later, position) != plan.sample(0, 0)) {
    if (++position == plan.batch_size(later)) ++later, position = 0;
  }
  EXPECT_NE(training(pipeline, plan, 0, {0, 1}).x,
            training(pipeline, plan, later, {position, position + 1}).x);
}

TEST_F(Augmented, EvaluationSeesThePicturesAsTheyAre) {
  const InputPipeline bare(data, {.scale = 1 / 255.0, .mean = {0.5}, .std = {0.25}});
  EXPECT_EQ(evaluation(pipeline, {0, 100}), evaluation(bare, {0, 100}));
  EXPECT_NE(training(pipeline, plan, 0, {0, 32}), training(bare, plan, 0, {0, 32}));
}

TEST(Statistics, AreThoseOfThePopulation) {
  const auto data = std::make_shared<Numbers>(Shape{5, 7, 2}, 13);
  for (const double scale : {1.0, 1 / 255.0}) {
    const auto found = compute_statistics(*data, scale);
    for (std::int64_t c = 0; c < 2; ++c) {
      double sum = 0, squares = 0;
      constexpr double kPixels = 13 * 5 * 7;
      for (std::int64_t i = 0; i < 13; ++i) {
        for (std::int64_t p = c; p < 70; p += 2) sum += Numbers::value(i, p) * scale;
      }
      for (std::int64_t i = 0; i < 13; ++i) {
        for (std::int64_t p = c; p < 70; p += 2)
          squares += std::pow(Numbers::value(i, p) * scale - sum / kPixels, 2);
      }
      EXPECT_NEAR(found.mean.at(static_cast<std::size_t>(c)), sum / kPixels, 1e-12 * scale * 255);
      EXPECT_NEAR(found.std.at(static_cast<std::size_t>(c)), std::sqrt(squares / kPixels),
                  1e-12 * scale * 255);
    }
  }
}

TEST(Statistics, DoNotDependOnTheOrderOfTheSamples) {
  const auto data = make_shapes({.seed = 1, .train_samples = 60, .test_samples = 1}, Split::train);
  struct Reversed : Dataset {
    explicit Reversed(DatasetPtr data)
        : Dataset("reversed", data->sample_shape(), data->class_names(), data->size()), base(data) {}
    int label(std::int64_t i) const override { return base->label(size() - 1 - i); }
    void read(std::int64_t i, std::uint8_t* hwc) const override { base->read(size() - 1 - i, hwc); }
    DatasetPtr base;
  };
  const auto found = compute_statistics(*data, 1 / 255.0),
             reversed = compute_statistics(Reversed(data), 1 / 255.0);
  EXPECT_EQ(found.mean, reversed.mean);
  EXPECT_EQ(found.std, reversed.std);
}

TEST(Statistics, MakeNormalisedDataStandard) {
  const auto data = make_shapes({.seed = 1, .train_samples = 60, .test_samples = 1}, Split::train);
  const auto found = compute_statistics(*data, 1 / 255.0);
  const InputPipeline pipeline(data, {.scale = 1 / 255.0, .mean = found.mean, .std = found.std});
  const auto x = evaluation<double>(pipeline, {0, 60}).x;
  double sum = 0, squares = 0;
  for (const double value : x) sum += value, squares += value * value;
  EXPECT_NEAR(sum / static_cast<double>(x.size()), 0, 1e-12);
  EXPECT_NEAR(squares / static_cast<double>(x.size()), 1, 1e-12);
}

TEST(Statistics, RefuseAConstantChannel) {
  struct Flat : Dataset {
    Flat() : Dataset("flat", {2, 2, 1}, numbered_classes(2), 3) {}
    int label(std::int64_t) const override { return 0; }
    void read(std::int64_t, std::uint8_t* hwc) const override { std::memset(hwc, 7, 4); }
  };
  EXPECT_THAT(error_of([] { compute_statistics(Flat(), 1); }),
              HasSubstr("flat: channel 0 has the same value"));
}

}  // namespace
}  // namespace convoy
