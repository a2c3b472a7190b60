#include "comm/mpi_communicator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>

#include "comm/mpi_check.h"
#include "core/error.h"
#include "tests/comm/conformance.h"
#include "tests/comm/mpi/world_of_tests.h"

namespace convoy {
namespace {

TEST(MpiCommunicator, SumsIntegersToTheBit) {
  conformance::reduce_scatter_sums_to_the_bit<std::int64_t>(*world_of_tests().communicator());
}
TEST(MpiCommunicator, SumsFloatsInRankOrder) {
  conformance::reduce_scatter_sums_to_the_bit<float>(*world_of_tests().communicator());
}
TEST(MpiCommunicator, GathersEveryPart) {
  conformance::all_gather_spreads_every_part(*world_of_tests().communicator());
}
TEST(MpiCommunicator, BroadcastsFromAnyRoot) {
  conformance::broadcast_reaches_all_from_any_root(*world_of_tests().communicator());
}
TEST(MpiCommunicator, OverlapsOperations) {
  conformance::operations_overlap(*world_of_tests().communicator());
}
TEST(MpiCommunicator, KeepsDuplicatesApart) {
  conformance::duplicates_never_mix(*world_of_tests().communicator());
}
TEST(MpiCommunicator, BarrierWaitsForAll) {
  conformance::barrier_waits_for_all(*world_of_tests().communicator());
}
TEST(MpiCommunicator, MessagesArriveInTheirOrder) {
  conformance::messages_arrive_in_their_order(*world_of_tests().communicator());
}

TEST(MpiCommunicator, CutsMessagesThatAreTooLargeForOne) {
  for (std::int64_t bytes : {1, 100, 5000}) {
    const mpi::MessageSizes sizes{.largest = 997 * bytes, .sum_piece = 360 * bytes};
    conformance::all(*mpi::make_communicator(MPI_COMM_WORLD, sizes));
  }
}

TEST(MpiCommunicator, ThreadsUseDifferentCommunicatorsAtTheSameTime) {
  constexpr std::size_t kThreads = 3;
  std::vector<std::unique_ptr<Communicator>> communicators;
  for (std::size_t i = 0; i < kThreads; ++i) communicators.push_back(world_of_tests().communicator());
  std::vector<std::thread> threads;
  for (auto& communicator : communicators)
    threads.emplace_back([&communicator] {
      conformance::reduce_scatter_sums_to_the_bit<std::int64_t>(*communicator);
      conformance::operations_overlap(*communicator);
      conformance::barrier_waits_for_all(*communicator);
    });
  for (std::thread& thread : threads) thread.join();
}

TEST(MpiCheck, SaysTheCallThePlaceAndTheLibrarysWords) {
  // On a communicator of its own, since the errors of one without a handler go to that of MPI_COMM_WORLD.
  try {
    int value = 0;
    CONVOY_MPI(MPI_Bcast(&value, 1, MPI_INT, world_of_tests().size(), MPI_COMM_WORLD));
    FAIL() << "a root outside the communicator";
  } catch (const CommError& error) {
    EXPECT_THAT(error.what(), testing::MatchesRegex("MPI failed at .*mpi/mpi_communicator_test.cpp:[0-9]+: "
                                                    "MPI_Bcast.*: MPI_ERR_ROOT: invalid root"));
  }
}

TEST(MpiCommunicator, MessageLongerThanItsPlaceIsAnErrorWithTheLibrarysWords) {
  const World& world = world_of_tests();
  if (world.size() < 2) GTEST_SKIP() << "needs two ranks";
  const auto communicator = world.communicator();
  // Rank 0 believes that the others' parts are longer.
  const std::int64_t belief = world.rank() == 0 ? 200 : 100;
  std::vector<std::int64_t> counts(conformance::index(world.size()), belief);
  counts[0] = 100;
  std::vector<std::int64_t> data(conformance::index(conformance::sum(counts)));
  const PendingPtr pending = communicator->start_reduce_scatter(std::span(data), counts);
  if (world.rank() == 0) {
    pending->wait();
  } else {
    try {
      pending->wait();
      FAIL() << "nothing was thrown";
    } catch (const CommError& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr("MPI_ERR_TRUNCATE"));
    }
  }
  MPI_Barrier(MPI_COMM_WORLD);
}

TEST(World, KnowsTheRanksAndHosts) {
  const World& world = world_of_tests();
  EXPECT_EQ(world.hosts().size(), conformance::index(world.size()));
  EXPECT_FALSE(world.hosts().front().empty());
  EXPECT_LT(world.local_rank(), world.local_size());
  const auto local_size =
      std::count(world.hosts().begin(), world.hosts().end(), world.hosts()[conformance::index(world.rank())]);
  EXPECT_EQ(world.local_size(), local_size);
  const auto communicator = world.communicator();
  const std::span<const int> hosts = communicator->hosts();
  EXPECT_EQ(std::ranges::count(hosts, hosts[conformance::index(world.rank())]), local_size);
}

}  // namespace
}  // namespace convoy
