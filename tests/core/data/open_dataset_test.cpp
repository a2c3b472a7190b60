#include "core/data/open_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/data/shapes.h"
#include "tests/core/data/files.h"

namespace convoy {
namespace {

using testing::error_of;
using ::testing::HasSubstr;
using Numbers = std::vector<double>;

config::Data shapes(std::optional<std::int64_t> limit = {}) {
  config::Data data;
  data.dataset = config::Shapes{.train_samples = 40, .test_samples = 20, .seed = 3};
  data.limit = limit;
  return data;
}

TEST(OpenDataset, OpensBothSplitsOfWhatTheConfigNames) {
  const ShapesOptions options{.seed = 3, .train_samples = 40, .test_samples = 20};
  EXPECT_EQ(open_dataset(shapes(), Split::train)->sha256(), make_shapes(options, Split::train)->sha256());
  EXPECT_EQ(open_dataset(shapes(), Split::test)->sha256(), make_shapes(options, Split::test)->sha256());
}

TEST(OpenDataset, PassesPathsOn) {
  config::Data data;
  for (const decltype(data.dataset)& kind : {decltype(data.dataset)(config::Cifar10{"no/such/dir"}),
                                             decltype(data.dataset)(config::Cifar100{"no/such/dir"}),
                                             decltype(data.dataset)(config::Mnist{.path = "no/such/dir"})}) {
    data.dataset = kind;
    EXPECT_THAT(error_of([&] { open_dataset(data, Split::train); }),
                HasSubstr("no/such/dir: no such directory"));
  }
}

TEST(OpenDataset, LimitsEachSplit) {
  const auto all = open_dataset(shapes(), Split::train);
  const auto few = open_dataset(shapes(30), Split::train);
  EXPECT_EQ(few->size(), 30);
  EXPECT_EQ(few->sha256(), limited(all, 30)->sha256());
  EXPECT_EQ(open_dataset(shapes(30), Split::test)->size(), 20);
}

TEST(OpenDataset, MeasuresOnlyWhatTheConfigAsksFor) {
  auto data = shapes();
  const auto training = open_dataset(data, Split::train);
  data.scale = 1 / 255.0;
  data.std = Numbers{0.5};
  measure_channels(data, *training);
  EXPECT_FALSE(data.mean);

  data.mean = config::OfDataset{};
  measure_channels(data, *training);
  EXPECT_EQ(std::get<Numbers>(*data.mean), compute_statistics(*training, 1 / 255.0).mean);
  EXPECT_EQ(std::get<Numbers>(*data.std), Numbers{0.5});

  data.std = config::OfDataset{};
  measure_channels(data, *training);
  EXPECT_EQ(std::get<Numbers>(*data.std), compute_statistics(*training, 1 / 255.0).std);
}

TEST(OpenDataset, HandsEveryOptionToThePipeline) {
  auto data = shapes();
  data.scale = 0.5;
  data.mean = Numbers{1, 2, 3};
  data.augment = {Cutout{}};
  const auto options = input_options(data, 77);
  EXPECT_EQ(options.scale, 0.5);
  EXPECT_EQ(options.mean, (Numbers{1, 2, 3}));
  EXPECT_TRUE(options.std.empty());
  EXPECT_EQ(options.augment.size(), 1u);
  EXPECT_EQ(options.seed, 77u);
  data.mean = config::OfDataset{};
  EXPECT_THROW(input_options(data, 1), DefectError);
}

}  // namespace
}  // namespace convoy
