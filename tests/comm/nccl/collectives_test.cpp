#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <tuple>

#include "comm/nccl/nccl_collectives.h"
#include "comm/nccl/staged_collectives.h"
#include "comm/thread_communicator.h"
#include "core/cuda/check.h"
#include "core/cuda/graph.h"
#include "core/error.h"
#include "tests/comm/conformance.h"
#include "tests/core/cuda/device_values.h"
#include "tests/support/fake_cuda/fake_cuda.h"

namespace convoy {
namespace {

using conformance::divisions;
using conformance::index;
using conformance::sum;
using conformance::value_of;
using cuda::DeviceMemory;
using cuda::Stream;
using cuda::test::on_device;
using cuda::test::on_host;
using fake_cuda::Machine;
using fake_cuda::Order;

enum class Kind { nccl, staged };

std::unique_ptr<cuda::Collectives> make(Kind kind, Communicator& communicator) {
  if (kind == Kind::nccl) return std::make_unique<NcclCollectives>(communicator.duplicate());
  return std::make_unique<StagedCollectives>(communicator.duplicate());
}

void wait_for(const Stream& stream, cuda::Collectives& collectives) {
  while (!stream.is_done()) collectives.require_alive();
}

/// What all ranks bring to element i of an array, added up in the ranks' order.
template <class T>
T total(int ranks, std::int64_t array, std::int64_t i) {
  T total = 0;
  for (int rank = 0; rank < ranks; ++rank) total += value_of<T>(rank, array, i);
  return total;
}

template <class T>
void check_sums(cuda::Collectives& collectives, const Stream& stream) {
  std::int64_t array = 0;
  for (const auto& counts : divisions(collectives.size())) {
    std::vector<T> values(index(sum(counts)));
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = value_of<T>(collectives.rank(), array, static_cast<std::int64_t>(i));
    const DeviceMemory on = on_device(values);
    collectives.reduce_scatter(stream, on.as<T>(), counts);
    wait_for(stream, collectives);
    const std::vector<T> sums = on_host<T>(on);
    std::int64_t first = 0;
    for (int rank = 0; rank < collectives.rank(); ++rank) first += counts[index(rank)];
    for (std::int64_t i = first; i < first + counts[index(collectives.rank())]; ++i)
      ASSERT_EQ(sums[index(i)], total<T>(collectives.size(), array, i)) << i;
    ++array;
  }
}

void check_gathering(cuda::Collectives& collectives, const Stream& stream) {
  std::int64_t array = 0;
  for (const auto& counts : divisions(collectives.size())) {
    std::vector<char> expected(index(sum(counts))), values(expected.size());
    std::size_t i = 0;
    for (int rank = 0; rank < collectives.size(); ++rank)
      for (std::int64_t k = 0; k < counts[index(rank)]; ++k, ++i) {
        expected[i] = static_cast<char>(value_of<std::int64_t>(rank, array, k));
        if (rank == collectives.rank()) values[i] = expected[i];
      }
    const DeviceMemory on = on_device(values);
    collectives.all_gather(stream, on.data(), counts);
    wait_for(stream, collectives);
    ASSERT_EQ(on_host<char>(on), expected);
    ++array;
  }
}

class DeviceCollectives : public testing::TestWithParam<std::tuple<Kind, int, Order>> {
 protected:
  Kind kind() const { return std::get<0>(GetParam()); }
  int ranks() const { return std::get<1>(GetParam()); }
  /// Each rank with a device of its own.
  void run(const std::function<void(cuda::Collectives&, const Stream&)>& work) {
    Machine machine({.devices = ranks(), .order = std::get<2>(GetParam())});
    run_ranks(ranks(), [&](Communicator& communicator) {
      CONVOY_CUDA_CALL(cudaSetDevice(communicator.rank()));
      const Stream stream;
      const auto collectives = make(kind(), communicator);
      work(*collectives, stream);
    });
    EXPECT_EQ(machine.leaks(), "");
  }
};

TEST_P(DeviceCollectives, AddIntegers) {
  run([](cuda::Collectives& collectives, const Stream& stream) {
    check_sums<std::int64_t>(collectives, stream);
  });
}

TEST_P(DeviceCollectives, AddFloats) {
  run([](cuda::Collectives& collectives, const Stream& stream) {
    if (collectives.size() < 3) check_sums<float>(collectives, stream);  // of more, the order decides
  });
}

TEST_P(DeviceCollectives, GatherBytes) { run(check_gathering); }

TEST_P(DeviceCollectives, AreCapturedWhereTheyOnlyQueue) {
  run([](cuda::Collectives& collectives, const Stream& stream) {
    if (!collectives.only_queues()) return;
    const std::vector<std::int64_t> counts(index(collectives.size()), 3);
    const DeviceMemory on(3 * sizeof(std::int64_t) * index(collectives.size()));
    const cuda::Graph graph(stream,
                            [&] { collectives.reduce_scatter(stream, on.as<std::int64_t>(), counts); });
    for (std::int64_t array = 0; array < 2; ++array) {
      std::vector<std::int64_t> values(3 * index(collectives.size()));
      for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = value_of<std::int64_t>(collectives.rank(), array, static_cast<std::int64_t>(i));
      cuda::upload(on.data(), std::as_bytes(std::span(values)));
      graph.launch(stream);
      wait_for(stream, collectives);
      const std::int64_t first = 3 * collectives.rank();
      EXPECT_EQ(on_host<std::int64_t>(on)[index(first)],
                total<std::int64_t>(collectives.size(), array, first));
    }
  });
}

/// Each call fails in turn, in some rank, until a run gets through: always one clear error, and nothing held.
TEST_P(DeviceCollectives, NameTheCallThatFails) {
  if (std::get<2>(GetParam()) != Order::latest) return;
  std::string failed = "nothing yet";
  for (std::int64_t k = 1; !failed.empty(); ++k) {
    ASSERT_LT(k, 2000);
    Machine machine({.devices = ranks(), .failing_call = k});
    std::string message;
    testing::internal::CaptureStderr();
    try {
      run_ranks(ranks(), [&](Communicator& communicator) {
        CONVOY_CUDA_CALL(cudaSetDevice(communicator.rank()));
        const Stream stream;
        const DeviceMemory on(8 * sizeof(std::int64_t) * index(ranks()));
        const auto collectives = make(kind(), communicator);  // is to end before what it works on
        const std::vector<std::int64_t> uneven(index(ranks()), 5), even(index(ranks()), 8);
        cuda::clear(stream, on.data(), on.size());
        collectives->reduce_scatter(stream, on.as<std::int64_t>(), even);
        std::vector<std::int64_t> bytes = uneven;
        bytes[0] = 7;
        collectives->all_gather(stream, on.data(), bytes);
        wait_for(stream, *collectives);
      });
    } catch (const Error& error) {
      message = error.what();
    }
    message += testing::internal::GetCapturedStderr();  // what fails at the very end
    failed = machine.failed_call();
    EXPECT_EQ(machine.leaks(), "") << k << " " << failed;
    const bool allocates = failed.rfind("cudaMalloc", 0) == 0;
    EXPECT_THAT(message, testing::HasSubstr(allocates ? "no room" : failed)) << k;
  }
}

std::string name_of(const testing::TestParamInfo<DeviceCollectives::ParamType>& info) {
  const auto& [kind, ranks, order] = info.param;
  return (kind == Kind::nccl ? "Nccl" : "Staged") + std::to_string(ranks) +
         (order == Order::eager    ? "Eager"
          : order == Order::latest ? "Latest"
                                   : "Seeded");
}

INSTANTIATE_TEST_SUITE_P(Ranks, DeviceCollectives,
                         testing::Combine(testing::Values(Kind::nccl, Kind::staged),
                                          testing::Values(1, 2, 3, 4),
                                          testing::Values(Order::eager, Order::latest, Order::seeded)),
                         name_of);

TEST(NcclCollectives, RanksOnOneDeviceAreRefused) {
  const Machine machine({.devices = 1});
  try {
    run_ranks(2, [](Communicator& communicator) { NcclCollectives collectives(communicator.duplicate()); });
    FAIL();
  } catch (const CommError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("ncclCommInitRankConfig: invalid usage"));
  }
}

TEST(NcclCollectivesDeathTest, OtherSizesOnOtherRanksAreCaught) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        const Machine machine({.devices = 2});
        run_ranks(2, [](Communicator& communicator) {
          CONVOY_CUDA_CALL(cudaSetDevice(communicator.rank()));
          const Stream stream;
          NcclCollectives collectives(communicator.duplicate());
          const DeviceMemory on(1024);
          cuda::clear(stream, on.data(), on.size());
          const std::vector<std::int64_t> counts(2, 4 + communicator.rank());
          collectives.reduce_scatter(stream, on.as<std::int64_t>(), counts);
          wait_for(stream, collectives);
        });
      },
      "calls another exchange");
}

}  // namespace
}  // namespace convoy
