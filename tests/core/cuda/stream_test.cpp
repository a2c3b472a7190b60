#include "core/cuda/stream.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <vector>

#include "core/cuda/check.h"
#include "core/cuda/memory.h"
#include "core/error.h"
#include "tests/core/cuda/device_values.h"
#include "tests/core/cuda/test_kernels.h"
#include "tests/support/fake_cuda/fake_cuda.h"

namespace convoy::cuda {
namespace {

using fake_cuda::Machine;
using fake_cuda::Options;
using fake_cuda::Order;
using test::Fill;
using test::on_device;
using test::on_host;
using test::Scale;
using testing::ElementsAre;
using testing::IsEmpty;

/// The orders that work may run in.
std::vector<Options> all_orders() {
  std::vector<Options> orders = {{.order = Order::eager}, {.order = Order::latest}};
  for (std::uint64_t seed = 1; seed <= 20; ++seed) orders.push_back({.order = Order::seeded, .seed = seed});
  return orders;
}

TEST(Stream, RunsItsWorkInOrderInEveryOrder) {
  for (const Options& options : all_orders()) {
    const Machine machine(options);
    const Stream stream, other;
    const DeviceMemory value(4), unrelated(4);
    launch(stream, 1, Fill{value.as<float>(), 3});
    launch(other, 1, Fill{unrelated.as<float>(), 1});
    launch(stream, 1, Scale{value.as<float>(), value.as<float>(), 5});
    stream.synchronize();
    EXPECT_TRUE(stream.is_done());
    EXPECT_THAT(on_host<float>(value), ElementsAre(15));
  }
}

/// One stream writes, another one reads; what is read.
float hand_over(const Options& options, bool wait) {
  const Machine machine(options);
  const Stream writer, reader;
  const Event written;
  const DeviceMemory value = on_device(std::vector<float>{0}), result(4);
  launch(writer, 1, Fill{value.as<float>(), 7});
  written.record(writer);
  launch(writer, 1, Fill{result.as<float>(), 9});  // behind the event, and so of no matter
  if (wait) reader.wait(written);
  const DeviceMemory copy(4);
  launch(reader, 1, Scale{value.as<float>(), copy.as<float>(), 1});
  reader.synchronize();
  return on_host<float>(copy)[0];
}

TEST(Event, OrdersTwoStreamsInEveryOrder) {
  for (const Options& options : all_orders()) EXPECT_EQ(hand_over(options, true), 7);
}

TEST(FakeCuda, AMissingEventWaitIsCaught) {
  EXPECT_EQ(hand_over({.order = Order::eager}, false), 7);  // the reason for other orders
  EXPECT_EQ(hand_over({.order = Order::latest}, false), 0);
  int caught = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed)
    caught += hand_over({.order = Order::seeded, .seed = seed}, false) == 0;
  EXPECT_GT(caught, 3);
  EXPECT_LT(caught, 20);
}

TEST(Event, MarksWhatIsQueuedWhenItIsRecorded) {
  const Machine machine({.order = Order::latest});
  const Stream stream;
  const Event event;
  event.synchronize();
  EXPECT_TRUE(event.is_done());
  const DeviceMemory value(4);
  launch(stream, 1, Fill{value.as<float>(), 1});
  event.record(stream);
  launch(stream, 1, Scale{value.as<float>(), value.as<float>(), 2});
  EXPECT_FALSE(event.is_done());
  event.synchronize();
  EXPECT_THAT(machine.history(), ElementsAre("Fill"));
  EXPECT_TRUE(event.is_done());
  event.record(stream);
  event.synchronize();
  EXPECT_THAT(machine.history(), ElementsAre("Fill", "Scale"));
}

TEST(Stream, GetsThereWhenItIsPolled) {
  for (const Options& options : all_orders()) {
    const Machine machine(options);
    const Stream stream;
    const DeviceMemory value(4);
    for (int i = 0; i < 3; ++i) launch(stream, 1, Fill{value.as<float>(), 1});
    int polls = 0;
    while (!stream.is_done() && polls < 10) ++polls;
    EXPECT_LT(polls, 10);
    EXPECT_EQ(machine.history().size(), 3U);
  }
}

TEST(FakeCuda, WorkWaitsForASynchronization) {
  const Machine machine({.order = Order::latest});
  const Stream first, second;
  const DeviceMemory value(4);
  launch(first, 1, Fill{value.as<float>(), 1});
  launch(second, 1, Scale{value.as<float>(), value.as<float>(), 1});
  EXPECT_THAT(machine.history(), IsEmpty());
  first.synchronize();
  EXPECT_THAT(machine.history(), ElementsAre("Fill"));
  CONVOY_CUDA_CALL(cudaDeviceSynchronize());
  EXPECT_THAT(machine.history(), ElementsAre("Fill", "Scale"));
}

TEST(FakeCuda, EagerWorkRunsAtOnce) {
  const Machine machine({.order = Order::eager});
  const Stream stream;
  const DeviceMemory value(4);
  launch(stream, 1, Fill{value.as<float>(), 1});
  EXPECT_THAT(machine.history(), ElementsAre("Fill"));
}

TEST(FakeCuda, SeedsGiveOtherOrdersAndTheSameSeedTheSame) {
  const auto history = [](std::uint64_t seed) {
    const Machine machine({.order = Order::seeded, .seed = seed});
    const Stream streams[3];
    const DeviceMemory value(4);
    for (int i = 0; i < 4; ++i) {
      launch(streams[0], 1, Fill{value.as<float>(), 1});
      launch(streams[1], 1, Scale{value.as<float>(), value.as<float>(), 1});
      clear(streams[2], value.data(), 4);
    }
    CONVOY_CUDA_CALL(cudaDeviceSynchronize());
    return machine.history();
  };
  EXPECT_EQ(history(1), history(1));
  EXPECT_NE(history(1), history(2));
}

TEST(FakeCuda, AKernelForAStreamOfAnotherDeviceIsRejected) {
  const Machine machine({.devices = 2});
  const Stream stream;
  CONVOY_CUDA_CALL(cudaSetDevice(1));
  EXPECT_THROW(launch(stream, 1, Fill{nullptr, 1}), DeviceError);
  CONVOY_CUDA_CALL(cudaSetDevice(0));
  EXPECT_EQ(cudaSetDevice(2), cudaErrorInvalidDevice);
}

TEST(FakeCuda, EachThreadHasADeviceOfItsOwn) {
  constexpr int kRanks = 4;
  const Machine machine({.devices = kRanks});
  std::vector<float> results(kRanks);
  std::vector<std::thread> ranks;
  for (int rank = 0; rank < kRanks; ++rank)
    ranks.emplace_back([&, rank] {
      CONVOY_CUDA_CALL(cudaSetDevice(rank));
      const Stream stream;
      const DeviceMemory value = on_device(std::vector<float>{static_cast<float>(rank)});
      for (int i = 0; i < 50; ++i) {
        launch(stream, 1, Scale{value.as<float>(), value.as<float>(), i % 2 == 0 ? 2.0F : 0.5F});
        stream.synchronize();
      }
      results[static_cast<std::size_t>(rank)] = on_host<float>(value)[0];
    });
  for (auto& rank : ranks) rank.join();
  EXPECT_THAT(results, ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(machine.leaks(), "");
}

TEST(FakeCuda, WithoutAMachineThereIsNoDriver) {
  EXPECT_THROW(Stream(), DeviceError);
  int devices = 0;
  EXPECT_EQ(cudaGetDeviceCount(&devices), cudaErrorInsufficientDriver);
}

TEST(FakeCuda, AnErrorOfQueuedWorkShowsWhereTheHostWaits) {
  const Machine machine({});
  const Stream stream;
  fake_cuda::enqueue(stream.get(), "failing", [] { throw std::runtime_error("of a library"); });
  EXPECT_THROW(stream.synchronize(), DeviceError);
  EXPECT_THROW(launch(stream, 1, Fill{nullptr, 1}), DeviceError);  // from then on
}

/// Every rank adds its number to all ranks' sums, in one collective for all.
struct Ranks {
  explicit Ranks(int number) : values(static_cast<std::size_t>(number)) {
    collective = std::make_shared<fake_cuda::Collective>(number, [this] {
      float sum = 0;
      for (const float* value : values) sum += *value;
      for (float* value : values) *value = sum;
    });
  }
  std::vector<float*> values;
  std::shared_ptr<fake_cuda::Collective> collective;
};

TEST(FakeCuda, ACollectiveRunsOnceAllStreamsHaveComeSoFar) {
  for (const Options& order : all_orders()) {
    Options options = order;
    options.devices = 3;
    const Machine machine(options);
    Ranks all(3);
    std::vector<float> results(3);
    std::vector<std::thread> ranks;
    for (int rank = 0; rank < 3; ++rank)
      ranks.emplace_back([&, rank] {
        CONVOY_CUDA_CALL(cudaSetDevice(rank));
        const auto index = static_cast<std::size_t>(rank);
        const Stream stream;
        const DeviceMemory value(4);
        all.values[index] = value.as<float>();
        launch(stream, 1, Fill{value.as<float>(), static_cast<float>(rank + 1)});
        fake_cuda::enqueue_part(stream.get(), "sum", [&] { return all.collective; });
        launch(stream, 1, Scale{value.as<float>(), value.as<float>(), 10});
        stream.synchronize();
        results[index] = on_host<float>(value)[0];
      });
    for (auto& rank : ranks) rank.join();
    EXPECT_THAT(results, ElementsAre(60, 60, 60));
  }
}

TEST(FakeCuda, ACollectiveThatIsAbandonedLetsItsStreamsGoOn) {
  const Machine machine({});
  const Stream stream;
  Ranks all(2);
  fake_cuda::enqueue_part(stream.get(), "sum", [&] { return all.collective; });
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(stream.is_done());
  all.collective->abandon();
  stream.synchronize();
  EXPECT_THAT(machine.history(), IsEmpty());
}

}  // namespace
}  // namespace convoy::cuda
