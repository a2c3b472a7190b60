#include "core/cuda/kernels/batch_meeting.h"

#include <gtest/gtest.h>
#include <random>

#include "layers/batch_statistics.h"
#include "tests/core/cuda/device_values.h"
#include "tests/support/fake_cuda/fake_cuda.h"

namespace convoy::cuda {
namespace {

using test::on_device;
using test::on_host;

constexpr std::int64_t kSlices = 5, kChannels = 7, kWidth = 1 + 2 * kChannels;

/// Those of slices of 3, 0, 8, 1 and 4 values a channel.
std::vector<double> moments() {
  std::mt19937 random(1);
  std::vector<double> records(kSlices * kWidth);
  for (std::size_t slice = 0; slice < kSlices; ++slice) {
    const double count = std::array{3, 0, 8, 1, 4}[slice];
    if (count == 0) continue;
    records[slice * kWidth] = count;
    for (std::size_t i = 1; i < kWidth; ++i)
      records[slice * kWidth + i] = std::uniform_real_distribution(0.5, 2.0)(random);
  }
  return records;
}

class BatchMeeting : public testing::Test {
 protected:
  fake_cuda::Machine machine_{{.threads = fake_cuda::Threads::shuffled}};
  Stream stream_;
};

TEST_F(BatchMeeting, MomentsAreTheCpus) {
  const std::vector<double> records = moments();
  const DeviceMemory on = on_device(records), values(2 * kChannels * sizeof(double));
  combine_moments(stream_, on.as<double>(), kSlices, kChannels, values.as<double>());
  stream_.synchronize();
  std::vector<double> wanted(2 * kChannels);
  convoy::combine_moments(records, kChannels, wanted);
  EXPECT_EQ(on_host<double>(values), wanted);
}

TEST_F(BatchMeeting, GradientSumsAreTheCpus) {
  const std::vector<double> forward = moments();
  std::vector<double> records(kSlices * 2 * kChannels);
  for (std::size_t i = 0; i < records.size(); ++i) records[i] = 1.0 / static_cast<double>(i + 3);
  const DeviceMemory on = on_device(records), counts = on_device(forward),
                     means(2 * kChannels * sizeof(double));
  combine_gradient_sums(stream_, on.as<double>(), counts.as<double>(), kSlices, kChannels,
                        means.as<double>());
  stream_.synchronize();
  std::vector<double> wanted(2 * kChannels);
  convoy::combine_gradient_sums(records, kChannels, 16, wanted);
  EXPECT_EQ(on_host<double>(means), wanted);
}

TEST_F(BatchMeeting, SlicesWeighByTheirCounts) {
  const DeviceMemory on = on_device(std::vector<double>{2, 1, 4, -1, 0, 9, 9, -1, 6, 5, 12, -1}),
                     values(2 * sizeof(double));
  average_moments(stream_, on.as<double>(), 4, 3, 1, values.as<double>());
  stream_.synchronize();
  EXPECT_EQ(on_host<double>(values), (std::vector<double>{(2.0 * 1 + 6 * 5) / 8, (4.0 + 12) / 8}));
}

TEST_F(BatchMeeting, StatisticsMoveAsOnTheCpu) {
  const std::vector<float> moving{1, -2, 3.5F};
  const std::vector<double> value{0.1, 0.2, 0.3};
  const DeviceMemory from = on_device(moving), to = on_device(value), moved(from.size());
  move_statistics(stream_, 3, 0.99, to.as<double>(), from.as<float>(), moved.as<float>());
  stream_.synchronize();
  std::vector<float> wanted(3);
  update_moving(moving, value, 0.99, wanted);
  EXPECT_EQ(on_host<float>(moved), wanted);
}

}  // namespace
}  // namespace convoy::cuda
