#include "core/cuda/launch.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <vector>

#include "core/cuda/memory.h"
#include "tests/core/cuda/device_values.h"
#include "tests/core/cuda/test_kernels.h"
#include "tests/support/fake_cuda/fake_cuda.h"

namespace convoy::cuda {
namespace {

using fake_cuda::Machine;
using fake_cuda::Threads;
using test::on_device;
using test::on_host;
using test::Scale;

/// The sum of 8 numbers a block: a tree of pairs, a phase a level.
struct SumOfEight {
  static constexpr int kThreads = 8, kPhases = 4;
  struct Shared {
    double sums[8];
  };
  const double* from;
  double* to;

  template <int kPhase>
  CONVOY_DEVICE void run(const Block<Shared>& at) const {
    auto& sums = at.shared.sums;
    constexpr int kWidth = 8 >> kPhase;
    if constexpr (kPhase == 0)
      sums[at.thread] = from[at.block * 8 + at.thread];
    else if (at.thread < kWidth)
      sums[at.thread] += sums[at.thread + kWidth];
    if constexpr (kPhase == 3) {
      if (at.thread == 0) to[at.block] = sums[0];
    }
  }
};

/// Takes what another thread of the same phase may have written: a race.
struct Racing {
  static constexpr int kThreads = 4, kPhases = 1;
  struct Shared {
    int last;
  };
  int* to;
  template <int>
  CONVOY_DEVICE void run(const Block<Shared>& at) const {
    to[at.block] = at.thread;
  }
};

/// Reads shared memory that no thread has written.
struct ReadsNothing {
  static constexpr int kThreads = 1, kPhases = 1;
  struct Shared {
    double value;
  };
  double* to;
  template <int>
  CONVOY_DEVICE void run(const Block<Shared>& at) const {
    to[at.block] = at.shared.value;
  }
};

struct Count {
  std::int64_t* sum;
  std::int32_t* largest;
  CONVOY_DEVICE void operator()(std::int64_t i) const {
    atomic_add(sum, i);
    atomic_max(largest, static_cast<std::int32_t>(i % 100));
  }
};

class Launch : public testing::TestWithParam<Threads> {
 protected:
  Machine machine_{{.threads = GetParam()}};
};

TEST_P(Launch, VisitsEachElementOnce) {
  const Stream stream;
  const DeviceMemory from = on_device(std::vector<float>{1, 2, 3, 4, 5, 6, 7});
  const DeviceMemory to(7 * sizeof(float));
  launch(stream, 7, Scale{from.as<float>(), to.as<float>(), 2});
  stream.synchronize();
  EXPECT_THAT(on_host<float>(to), testing::ElementsAre(2, 4, 6, 8, 10, 12, 14));
}

TEST_P(Launch, PhasesSeeWhatTheOnesBeforeHaveWritten) {
  const Stream stream;
  std::vector<double> values(5 * 8);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i);
  const DeviceMemory from = on_device(values), to(5 * sizeof(double));
  launch_blocks(stream, 5, SumOfEight{from.as<double>(), to.as<double>()});
  stream.synchronize();
  EXPECT_THAT(on_host<double>(to), testing::ElementsAre(28, 92, 156, 220, 284));
}

TEST_P(Launch, IntegersAddUpInAnyOrder) {
  const Stream stream;
  const DeviceMemory sum = on_device(std::vector<std::int64_t>{5});
  const DeviceMemory largest = on_device(std::vector<std::int32_t>{-1});
  launch(stream, 1000, Count{sum.as<std::int64_t>(), largest.as<std::int32_t>()});
  stream.synchronize();
  EXPECT_EQ(on_host<std::int64_t>(sum)[0], 5 + 999 * 1000 / 2);
  EXPECT_EQ(on_host<std::int32_t>(largest)[0], 99);
}

INSTANTIATE_TEST_SUITE_P(Threads, Launch,
                         testing::Values(Threads::forward, Threads::backward, Threads::shuffled));

TEST(LaunchOrders, ARaceInAPhaseGivesOtherBits) {
  std::vector<int> last;
  for (const Threads threads : {Threads::forward, Threads::backward}) {
    const Machine machine({.threads = threads});
    const Stream stream;
    const DeviceMemory to(sizeof(int));
    launch_blocks(stream, 1, Racing{to.as<int>()});
    stream.synchronize();
    last.push_back(on_host<int>(to)[0]);
  }
  EXPECT_THAT(last, testing::ElementsAre(3, 0));
}

TEST(LaunchOrders, SharedMemoryBeginsAsNan) {
  const Machine machine({});
  const Stream stream;
  const DeviceMemory to(sizeof(double));
  launch_blocks(stream, 1, ReadsNothing{to.as<double>()});
  stream.synchronize();
  EXPECT_TRUE(std::isnan(on_host<double>(to)[0]));
}

TEST(LaunchOrders, NothingIsLaunchedForNoElements) {
  const Machine machine({});
  const Stream stream;
  launch(stream, 0, Scale{nullptr, nullptr, 1});
  stream.synchronize();
  EXPECT_THAT(machine.history(), testing::IsEmpty());
  const DeviceMemory value = on_device(std::vector<float>{3});
  launch(stream, 1, Scale{value.as<float>(), value.as<float>(), 2});
  stream.synchronize();
  EXPECT_THAT(machine.history(), testing::ElementsAre("copy to device", "Scale"));
}

}  // namespace
}  // namespace convoy::cuda
