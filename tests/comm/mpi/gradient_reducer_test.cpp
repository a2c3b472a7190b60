#include <gtest/gtest.h>

#include "comm/self_communicator.h"
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

}  // namespace
}  // namespace convoy
