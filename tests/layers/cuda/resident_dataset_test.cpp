// What a device makes of a data set in its own memory has the bits of the CPU's InputPipeline.

#include "layers/cuda/resident_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/cuda/graph.h"
#include "core/error.h"
#include "tests/core/cuda/device_values.h"
#include "tests/support/fake_cuda/failing_calls.h"
#include "tests/support/fake_cuda/fake_cuda.h"

namespace convoy {
namespace {

using fake_cuda::Machine;
using fake_cuda::Threads;

/// Pictures whose values differ from place to place and from sample to sample.
class Pictures : public Dataset {
 public:
  Pictures(const Shape& shape, std::int64_t samples)
      : Dataset("pictures", shape, numbered_classes(7), samples) {}
  int label(std::int64_t i) const override { return static_cast<int>(i * 5 % 7); }
  void read(std::int64_t i, std::uint8_t* hwc) const override {
    for (std::int64_t e = 0; e < sample_bytes(); ++e)
      hwc[e] = static_cast<std::uint8_t>((i * 131 + e * 37 + e / 11) % 256);
  }
};

/// As the CPU stores it: rounded as HostFeed's pictures are.
std::vector<float> rounded(std::vector<float> values, cuda::Storage storage) {
  if (storage == cuda::Storage::bfloat16)
    for (float& value : values) value = static_cast<float>(cuda::BFloat16(value));
  return values;
}

struct Filled {
  std::vector<float> input;
  std::vector<std::int32_t> labels;
  friend bool operator==(const Filled&, const Filled&) = default;
};

std::vector<float> floats(const cuda::DeviceMemory& memory, cuda::Storage storage) {
  const std::vector<double> values = cuda::test::from_storage(memory, storage);
  return {values.begin(), values.end()};
}

Filled on_cpu(const InputPipeline& pipeline, const BatchPlan& plan, std::int64_t step, IndexRange positions,
              cuda::Storage storage) {
  Filled filled;
  filled.input.resize(static_cast<std::size_t>(positions.size() * pipeline.dataset().sample_bytes()));
  filled.labels.resize(static_cast<std::size_t>(positions.size()));
  pipeline.fill_training(plan, step, positions, filled.input.data(), filled.labels.data());
  filled.input = rounded(std::move(filled.input), storage);
  return filled;
}

/// The step's numbers are on the device, as DeviceStepper leaves them there; the plan's seed is not used.
Filled on_device(const ResidentDataset& dataset, const InputPipeline& pipeline, const BatchPlan& plan,
                 std::int64_t step, IndexRange positions, cuda::Storage storage) {
  const cuda::Stream stream;
  cuda::StepValues values;
  values.step = static_cast<std::uint64_t>(step);
  values.epoch = static_cast<std::uint64_t>(plan.epoch_of(step));
  values.first_sample = plan.first_index(step);
  const auto samples = static_cast<std::size_t>(positions.size());
  const cuda::DeviceMemory numbers = cuda::test::on_device(std::vector<cuda::StepValues>{values}),
                           input(samples * static_cast<std::size_t>(pipeline.dataset().sample_bytes()) *
                                 cuda::size_of(storage)),
                           labels(samples * sizeof(std::int32_t));
  dataset.fill_training(stream, storage, plan.order(), numbers.as<cuda::StepValues>(), positions.begin,
                        positions.size(), input.data(), labels.as<std::int32_t>());
  stream.synchronize();
  return {floats(input, storage), cuda::test::on_host<std::int32_t>(labels)};
}

/// Each augmentation in each of its ways, and lists of them, whose order matters.
std::vector<std::vector<Augmentation>> lists() {
  using Mode = RandomFlip::Mode;
  std::vector<std::vector<Augmentation>> lists{{}};
  for (const Mode mode : {Mode::horizontal, Mode::vertical, Mode::horizontal_and_vertical})
    lists.push_back({RandomFlip{mode}});
  lists.push_back({RandomCrop{.padding = 2, .fill = 9}});
  lists.push_back({RandomCrop{.padding = 40}});  // much further than the picture
  for (const EdgeFill fill : {EdgeFill::constant, EdgeFill::nearest, EdgeFill::reflect, EdgeFill::wrap}) {
    lists.push_back(
        {RandomTranslation{.height_factor = 1, .width_factor = 0.4, .fill_mode = fill, .fill = 200}});
    lists.push_back({RandomTranslation{.height_factor = 0.3, .fill_mode = fill}, RandomCrop{.padding = 1}});
  }
  for (const std::int64_t size : {1, 4, 5, 100}) lists.push_back({Cutout{.size = size, .fill = 77}});
  lists.push_back({RandomCrop{.padding = 3, .fill = 1}, RandomFlip{}, Cutout{.size = 3, .fill = 2},
                   RandomTranslation{.height_factor = 0.5, .width_factor = 0.5}, Cutout{.size = 2, .fill = 3},
                   RandomFlip{Mode::horizontal}});
  lists.push_back(std::vector<Augmentation>(16, RandomFlip{}));  // as many as the kernel takes
  return lists;
}

class ResidentDatasets : public testing::TestWithParam<Threads> {
 protected:
  Machine machine_{{.order = fake_cuda::Order::seeded, .threads = GetParam(), .seed = 7}};
  WorkerPool pool_{2};
};

/// All positions of three epochs, cut as slices cut them, the last batch of an epoch short.
TEST_P(ResidentDatasets, TrainOnTheBitsOfTheCpu) {
  const Shape shapes[] = {{7, 5, 3}, {1, 1, 1}, {6, 9, 2}};
  for (const Shape& shape : shapes)
    for (const auto& list : lists())
      for (const bool shuffle : {true, false}) {
        const InputPipeline pipeline(
            std::make_shared<Pictures>(shape, 23),
            {.scale = 1.0 / 255, .mean = {0.45}, .std = {0.21}, .augment = list, .seed = 99});
        const BatchPlan plan(
            {.samples = 23, .global_batch_size = 9, .slices = 2, .seed = 1234567890123, .shuffle = shuffle});
        const ResidentDataset dataset(pipeline, pool_);
        for (std::int64_t step = 0; step < 3 * plan.steps_per_epoch(); ++step)
          for (std::int64_t slice = 0; slice < plan.slices(); ++slice) {
            const auto storage = step % 2 == 0 ? cuda::Storage::float32 : cuda::Storage::bfloat16;
            const IndexRange positions = plan.slice(step, slice);
            ASSERT_EQ(on_device(dataset, pipeline, plan, step, positions, storage),
                      on_cpu(pipeline, plan, step, positions, storage))
                << shape.to_string() << ", list of " << list.size() << ", step " << step;
          }
      }
  EXPECT_EQ(machine_.leaks(), "");
}

/// Several blocks a picture, and a step far into a run.
TEST_P(ResidentDatasets, TakeLargePictures) {
  const InputPipeline pipeline(
      std::make_shared<Pictures>(Shape{61, 67, 3}, 5),
      {.scale = 0.5,
       .mean = {1, 2, 3},
       .std = {4, 5, 6},
       .augment = {RandomFlip{}, RandomCrop{.padding = 9}, Cutout{.size = 31, .fill = 255}},
       .seed = 0xfedcba9876543210});
  const BatchPlan plan({.samples = 5, .global_batch_size = 5, .slices = 1, .seed = 3});
  const ResidentDataset dataset(pipeline, pool_);
  for (const std::int64_t step : {std::int64_t{0}, std::int64_t{1} << 33})
    for (const auto storage : {cuda::Storage::float32, cuda::Storage::bfloat16})
      EXPECT_EQ(on_device(dataset, pipeline, plan, step, {1, 5}, storage),
                on_cpu(pipeline, plan, step, {1, 5}, storage));
}

TEST_P(ResidentDatasets, AreEvaluatedAsTheyAre) {
  const InputPipeline pipeline(std::make_shared<Pictures>(Shape{5, 3, 3}, 23),
                               {.scale = 1.0 / 255, .augment = {RandomFlip{}, Cutout{}}});
  const ResidentDataset dataset(pipeline, pool_);
  ASSERT_EQ(dataset.size(), 23);
  for (const auto storage : {cuda::Storage::float32, cuda::Storage::bfloat16}) {
    const cuda::Stream stream;
    const cuda::DeviceMemory input(static_cast<std::size_t>(16 * 45) * cuda::size_of(storage));
    dataset.fill_evaluation(stream, storage, 7, 16, input.data());
    stream.synchronize();
    std::vector<float> wanted(16 * 45);
    std::vector<std::int32_t> labels(16);
    pipeline.fill_evaluation({7, 23}, wanted.data(), labels.data());
    EXPECT_EQ(floats(input, storage), rounded(wanted, storage));
    EXPECT_THAT(dataset.labels().subspan(7), testing::ElementsAreArray(labels));
  }
}

/// The capture is made once; the device's numbers then say which step it is.
TEST_P(ResidentDatasets, FollowTheStepsNumbersOnTheDevice) {
  const InputPipeline pipeline(std::make_shared<Pictures>(Shape{4, 4, 1}, 12),
                               {.augment = {RandomCrop{.padding = 2}}, .seed = 5});
  const BatchPlan plan({.samples = 12, .global_batch_size = 4, .slices = 1, .seed = 3});
  const ResidentDataset dataset(pipeline, pool_);
  const cuda::Stream stream;
  const cuda::DeviceMemory values(sizeof(cuda::StepValues)), input(4 * 16 * sizeof(float)),
      labels(4 * sizeof(std::int32_t));
  const cuda::Graph graph(stream, [&] {
    dataset.fill_training(stream, cuda::Storage::float32, plan.order(), values.as<cuda::StepValues>(), 0, 4,
                          input.data(), labels.as<std::int32_t>());
  });
  EXPECT_EQ(graph.nodes(), 1U);
  for (std::int64_t step = 0; step < 7; ++step) {
    cuda::StepValues now;
    now.step = static_cast<std::uint64_t>(step);
    now.epoch = static_cast<std::uint64_t>(plan.epoch_of(step));
    now.first_sample = plan.first_index(step);
    cuda::upload(values.data(), std::as_bytes(std::span(&now, 1)));
    graph.launch(stream);
    stream.synchronize();
    const Filled found{floats(input, cuda::Storage::float32), cuda::test::on_host<std::int32_t>(labels)};
    EXPECT_EQ(found, on_cpu(pipeline, plan, step, {0, 4}, cuda::Storage::float32)) << step;
  }
}

INSTANTIATE_TEST_SUITE_P(InEachOrder, ResidentDatasets,
                         testing::Values(Threads::forward, Threads::backward, Threads::shuffled),
                         testing::PrintToStringParamName());

/// More than two chunks of 8 MiB, whose buffers take turns, the last one short.
TEST(ResidentDataset, TravelsInChunks) {
  const Machine machine({.order = fake_cuda::Order::latest});
  WorkerPool pool(2);
  {
    const InputPipeline pipeline(std::make_shared<Pictures>(Shape{1024, 1024, 1}, 29), {});
    const ResidentDataset dataset(pipeline, pool);
    EXPECT_THAT(machine.history(), testing::Contains("copy to device").Times(4 + 2));  // labels and table
    const cuda::Stream stream;
    const cuda::DeviceMemory input(std::size_t{1 << 20} * sizeof(float));
    for (const std::int64_t sample : {0, 7, 8, 15, 16, 24, 28}) {
      dataset.fill_evaluation(stream, cuda::Storage::float32, sample, 1, input.data());
      stream.synchronize();
      std::vector<float> wanted(1 << 20);
      std::int32_t label = 0;
      pipeline.fill_evaluation({sample, sample + 1}, wanted.data(), &label);
      EXPECT_TRUE(cuda::test::on_host<float>(input) == wanted) << sample;
    }
  }
  EXPECT_EQ(machine.leaks(), "");
}

TEST(ResidentDataset, IsMadeWhereItsPartOfTheFreeMemorySuffices) {
  const Machine machine({.memory_bytes = std::size_t{1} << 20});
  WorkerPool pool(1);
  const std::size_t quarter = (std::size_t{1} << 20) / 4;
  const auto samples = static_cast<std::int64_t>(quarter / (16 * 16 + sizeof(std::int32_t)));
  const auto fits = [&](std::int64_t count, double part = 0.25) {
    const InputPipeline pipeline(std::make_shared<Pictures>(Shape{16, 16, 1}, count), {});
    return ResidentDataset::if_it_fits(pipeline, pool, part) != nullptr;
  };
  EXPECT_TRUE(fits(samples));
  EXPECT_FALSE(fits(samples + 1));
  EXPECT_TRUE(fits(samples + 1, 0.5));
  EXPECT_FALSE(fits(1, 0));
  const cuda::DeviceMemory taken(quarter);
  EXPECT_FALSE(fits(samples));
}

TEST(ResidentDataset, LongListsOfAugmentationsAreTheHosts) {
  const Machine machine({});
  WorkerPool pool(1);
  const InputPipeline pipeline(std::make_shared<Pictures>(Shape{2, 2, 1}, 2),
                               {.augment = std::vector<Augmentation>(17, RandomFlip{})});
  EXPECT_EQ(ResidentDataset::if_it_fits(pipeline, pool), nullptr);
  EXPECT_THROW(ResidentDataset(pipeline, pool), DefectError);
}

TEST(ResidentDataset, APictureThatCannotBeReadEndsIt) {
  class Torn : public Pictures {
   public:
    Torn() : Pictures({2, 2, 1}, 40) {}
    void read(std::int64_t i, std::uint8_t* hwc) const override {
      if (i == 33) throw DataError("sample {} is torn", i);
      Pictures::read(i, hwc);
    }
  };
  const Machine machine({});
  WorkerPool pool(2);
  const InputPipeline pipeline(std::make_shared<Torn>(), {});
  EXPECT_THROW(ResidentDataset(pipeline, pool), DataError);
  EXPECT_EQ(machine.leaks(), "");
}

TEST(ResidentDataset, EachCallThatFailsEndsItWithOneLine) {
  const InputPipeline pipeline(std::make_shared<Pictures>(Shape{2, 2, 1}, 5), {.augment = {RandomFlip{}}});
  fake_cuda::expect_each_failure_to_be_clean({}, [&] {
    WorkerPool pool(1);
    ResidentDataset::if_it_fits(pipeline, pool);
  });
}

}  // namespace
}  // namespace convoy
