#include <gtest/gtest.h>

#include "comm/mpi_communicator.h"
#include "comm/self_communicator.h"
#include "tests/comm/conformance.h"
#include "tests/comm/mpi/world_of_tests.h"
#include "tests/comm/reducer_steps.h"

namespace convoy {
namespace {

using namespace reducer_steps;

TEST(GradientReducerOverMpi, ExactSumsAndNormsAreThoseOfOneRankToTheBit) {
  const std::vector<double> expected = run_steps(*make_self_communicator(), {});
  const auto ranks = world_of_tests().communicator();
  for (int threads : {1, 2})
    for (std::optional<std::int64_t> bytes : {std::optional<std::int64_t>(), std::optional<std::int64_t>(1)})
      EXPECT_EQ(run_steps(*ranks, {.threads = threads, .bucket_bytes = bytes}), expected);
}

TEST(GradientReducerOverMpi, NativeSumsAreAddedInRankOrder) {
  const auto ranks = world_of_tests().communicator();
  run_steps(*ranks, {.mode = GradientReducer::Mode::native, .threads = 2});
}

/// The ranks of this machine as hosts of so many ranks, one after the other.
std::unique_ptr<Communicator> on_hosts(const std::vector<int>& sizes) {
  std::vector<int> hosts;
  for (std::size_t host = 0; host < sizes.size(); ++host)
    hosts.insert(hosts.end(), conformance::index(sizes[host]), static_cast<int>(host));
  hosts.resize(conformance::index(world_of_tests().size()), static_cast<int>(sizes.size()));
  return mpi::make_communicator(MPI_COMM_WORLD, {}, hosts);
}

TEST(GradientReducerOverMpi, ExactSumsThroughTheHostsMemoryAreThoseOfOneRankToTheBit) {
  const std::vector<double> expected = run_steps(*make_self_communicator(), {});
  std::vector<std::unique_ptr<Communicator>> placements;
  placements.push_back(world_of_tests().communicator());
  for (const auto& sizes : std::vector<std::vector<int>>{{2, 2}, {1, 3}, {3, 1}, {2, 1, 5}})
    placements.push_back(on_hosts(sizes));
  for (const auto& ranks : placements)
    for (bool parts : {false, true}) {
      EXPECT_EQ(run_steps(*ranks, {.threads = 2, .bucket_bytes = 1, .parts = parts, .shared = true}),
                expected);
    }
}

TEST(GradientReducerOverMpi, NativeAddsIntegersOnEachHostAndTheHostsFloatsInTheirOrder) {
  for (const auto& sizes : std::vector<std::vector<int>>{{2, 2}, {1, 3}})
    run_steps(*on_hosts(sizes), {.mode = GradientReducer::Mode::native, .shared = true});
}

}  // namespace
}  // namespace convoy
