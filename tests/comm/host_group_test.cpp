#include "comm/host_group.h"

#include <atomic>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <numeric>
#include <unistd.h>

#include "comm/thread_communicator.h"
#include "tests/comm/no_room.h"

namespace convoy {
namespace {

constexpr std::int64_t kElements = 600'000;

void never(const std::string& text) { ADD_FAILURE() << text; }

TEST(HostGroup, IsNoneWhereNoTwoRanksShareAHost) {
  run_ranks(3, [](Communicator& ranks) { EXPECT_EQ(HostGroup::join(ranks, kElements, never), nullptr); });
}

TEST(HostGroup, KnowsWhoIsWhere) {
  run_ranks(5,
            [](Communicator& ranks) {
              const auto group = HostGroup::join(ranks, kElements, never);
              EXPECT_EQ(group->hosts(), (std::vector<std::vector<int>>{{0, 2, 4}, {1, 3}}));
              EXPECT_EQ(group->host(), ranks.rank() % 2);
              EXPECT_EQ(group->local_rank(), ranks.rank() / 2);
              EXPECT_EQ(group->leads(), ranks.rank() < 2);
            },
            {7, 3, 7, 3, 7});
}

TEST(HostGroup, BroadcastsTheWeightsOfRank0ToEveryHost) {
  run_ranks(4,
            [](Communicator& ranks) {
              const auto group = HostGroup::join(ranks, kElements, never);
              for (int generation = 0; generation < HostGroup::kGenerations; ++generation) {
                const std::span<float> weights = group->weights(generation);
                if (ranks.rank() == 0) std::iota(weights.begin(), weights.end(), 0.5F);
                group->broadcast(weights, ranks);
                for (std::size_t i = 0; i < weights.size(); i += 997)
                  ASSERT_EQ(weights[i], static_cast<float>(i) + 0.5F);
              }
            },
            {0, 0, 1, 1});
}

TEST(HostGroup, LeavesNoNameBehindNotEvenForAMoment) {
  run_ranks(2,
            [](Communicator& ranks) {
              const auto group = HostGroup::join(ranks, kElements, never);
              ranks.barrier();
              const std::string beginning =
                  "convoy." + std::to_string(geteuid()) + ".exchange." + std::to_string(getpid());
              for (const auto& entry : std::filesystem::directory_iterator("/dev/shm"))
                EXPECT_THAT(entry.path().filename().string(), testing::Not(testing::StartsWith(beginning)));
            },
            {0, 0});
}

TEST(HostGroup, IsNoneAndSaysWhyWhereAHostHasNoRoomForIt) {
  const NoRoom no_room(HostGroup::bytes(kElements, 2) - 1);  // for one rank on a host there is room
  std::atomic<int> warned = 0;
  run_ranks(3,
            [&](Communicator& ranks) {
              const auto warn = [&](const std::string& text) {
                EXPECT_THAT(text, testing::MatchesRegex(
                                      "rank 0: no shared memory: .*exchange .* by messages.*--shm-size.*"));
                ++warned;
              };
              EXPECT_EQ(HostGroup::join(ranks, kElements, warn), nullptr);
            },
            {0, 0, 1});
  EXPECT_EQ(warned, 3);
}

}  // namespace
}  // namespace convoy
