#include "comm/thread_communicator.h"

#include <atomic>
#include <gtest/gtest.h>
#include <thread>

#include "comm/self_communicator.h"
#include "core/error.h"
#include "tests/comm/conformance.h"

namespace convoy {
namespace {

class ThreadCommunicatorOf : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Ranks, ThreadCommunicatorOf, testing::Range(1, 9));

TEST_P(ThreadCommunicatorOf, SumsIntegersToTheBit) {
  run_ranks(GetParam(), conformance::reduce_scatter_sums_to_the_bit<std::int64_t>);
}
TEST_P(ThreadCommunicatorOf, SumsFloatsInRankOrder) {
  run_ranks(GetParam(), conformance::reduce_scatter_sums_to_the_bit<float>);
}
TEST_P(ThreadCommunicatorOf, GathersEveryPart) {
  run_ranks(GetParam(), conformance::all_gather_spreads_every_part);
}
TEST_P(ThreadCommunicatorOf, BroadcastsFromAnyRoot) {
  run_ranks(GetParam(), conformance::broadcast_reaches_all_from_any_root);
}
TEST_P(ThreadCommunicatorOf, OverlapsOperations) { run_ranks(GetParam(), conformance::operations_overlap); }
TEST_P(ThreadCommunicatorOf, KeepsDuplicatesApart) {
  run_ranks(GetParam(), conformance::duplicates_never_mix);
}
TEST_P(ThreadCommunicatorOf, BarrierWaitsForAll) {
  run_ranks(GetParam(), conformance::barrier_waits_for_all);
}
TEST_P(ThreadCommunicatorOf, MessagesArriveInTheirOrder) {
  run_ranks(GetParam(), conformance::messages_arrive_in_their_order);
}

TEST_P(ThreadCommunicatorOf, FailureOfOneRankWakesAllOthersWhateverTheyWaitFor) {
  const int ranks = GetParam();
  std::atomic<int> woken = 0;
  const auto rank = [&](Communicator& communicator) {
    if (communicator.rank() == ranks - 1) throw DataError("the disk is gone");
    std::vector<float> data(conformance::index(ranks) * 8);
    const std::vector<std::int64_t> counts(conformance::index(ranks), 8);
    try {
      switch (communicator.rank() % 6) {
        case 0:
          communicator.barrier();
          break;
        case 1:
          communicator.duplicate();
          break;
        case 2:
          communicator.start_reduce_scatter(std::span(data), counts)->wait();
          break;
        case 3:
          communicator.start_receive(std::as_writable_bytes(std::span(data)), ranks - 1)->wait();
          break;
        case 4:
          for (;; std::this_thread::yield()) communicator.require_alive();
        default:
          for (auto pending = communicator.start_all_gather(data, counts); !pending->test();)
            std::this_thread::yield();
      }
    } catch (const CommError&) {
      ++woken;
      throw;
    } catch (
        const DefectError&) {  // the ranks call different operations here, which one of two may notice first
      ++woken;
    }
  };
  EXPECT_THROW(run_ranks(ranks, rank), DataError);
  EXPECT_EQ(woken, ranks - 1);
}

TEST_P(ThreadCommunicatorOf, RankThatUnwindsWithOperationsUnderWayNeitherHangsNorLeavesItsBuffersInUse) {
  const int ranks = GetParam();
  for (int repeat = 0; repeat < 20; ++repeat) {
    const auto rank = [&](Communicator& communicator) {
      std::vector<std::int64_t> data(conformance::index(ranks) * 10'000, 1);
      const std::vector<std::int64_t> counts(conformance::index(ranks), 10'000);
      const auto first = communicator.start_reduce_scatter(std::span(data), counts);
      if (communicator.rank() == 0) throw NumericError("the loss is not finite");
      first->wait();
      communicator.barrier();
    };
    EXPECT_THROW(run_ranks(ranks, rank), NumericError);
  }
}

TEST(ThreadCommunicator, NamesTheCauseNotItsConsequences) {
  try {
    run_ranks(8, [](Communicator& communicator) {
      if (communicator.rank() == 5) throw ConfigError("rank five has another config");
      communicator.barrier();
    });
    FAIL() << "nothing was thrown";
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(), "rank five has another config");
  }
}

TEST(ThreadCommunicator, RefusesRanksThatCallDifferentOperations) {
  const auto rank = [](Communicator& communicator) {
    std::vector<std::byte> data(64 + static_cast<std::size_t>(communicator.rank()));
    communicator.broadcast(data, 0);
  };
  EXPECT_THROW(run_ranks(2, rank), DefectError);
}

TEST(SelfCommunicator, Conforms) { conformance::all(*make_self_communicator()); }

TEST(SelfCommunicator, TouchesNoBits) {
  std::vector<float> data{-0.0F, 1.0F};
  const std::vector<std::int64_t> counts{2};
  make_self_communicator()->start_reduce_scatter(std::span(data), counts)->wait();
  EXPECT_TRUE(std::signbit(data[0]));
}

}  // namespace
}  // namespace convoy
