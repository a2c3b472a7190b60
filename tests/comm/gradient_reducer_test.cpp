#include "comm/gradient_reducer.h"

#include <chrono>
#include <gtest/gtest.h>
#include <limits>
#include <mutex>
#include <thread>

#include "comm/self_communicator.h"
#include "comm/thread_communicator.h"
#include "core/error.h"
#include "tests/comm/reducer_steps.h"

namespace convoy {
namespace {

using namespace reducer_steps;

std::vector<double> norms_of_one_rank(const Setup& setup) {
  return run_steps(*make_self_communicator(), setup);
}

class GradientReducerOf : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Ranks, GradientReducerOf, testing::Range(1, 9));

TEST_P(GradientReducerOf, ExactSumsAndNormsAreTheSameBitsForAnyRanksThreadsAndBuckets) {
  const std::vector<double> expected = norms_of_one_rank({});
  for (int threads : {1, 3})
    for (std::optional<std::int64_t> bytes : {std::optional<std::int64_t>(), std::optional<std::int64_t>(1)})
      for (bool parts : {false, true})
        run_ranks(GetParam(), [&](Communicator& ranks) {
          EXPECT_EQ(run_steps(ranks, {.threads = threads, .bucket_bytes = bytes, .parts = parts}), expected);
        });
}

TEST_P(GradientReducerOf, NativeSumsDependOnTheRanksAlone) {
  for (int threads : {1, 2})
    run_ranks(GetParam(), [&](Communicator& ranks) {
      run_steps(ranks, {.mode = GradientReducer::Mode::native,
                        .threads = threads,
                        .bucket_bytes = 1 << 16,
                        .parts = threads == 2});
    });
}

/// Which host each rank is on.
class GradientReducerOnHosts : public testing::TestWithParam<std::vector<int>> {
 protected:
  void run(const std::function<void(Communicator&)>& rank) {
    run_ranks(static_cast<int>(GetParam().size()), rank, GetParam());
  }
};
INSTANTIATE_TEST_SUITE_P(Hosts, GradientReducerOnHosts,
                         testing::ValuesIn<std::vector<int>>({{0, 0},
                                                              {0, 0, 0},
                                                              {0, 0, 1, 1},
                                                              {0, 1, 1, 1},
                                                              {2, 2, 2, 1},
                                                              {0, 0, 1, 2, 2},
                                                              {0, 0, 0, 0, 0, 0, 0, 0},
                                                              {0, 0, 0, 1, 2, 2, 2, 2}}));

TEST_P(GradientReducerOnHosts, ExactSumsAndNormsThroughTheirMemoryAreTheSameBitsAsOnOneRank) {
  const std::vector<double> expected = norms_of_one_rank({});
  for (int threads : {1, 3})
    for (std::optional<std::int64_t> bytes : {std::optional<std::int64_t>(), std::optional<std::int64_t>(1)})
      for (bool parts : {false, true})
        run([&](Communicator& ranks) {
          EXPECT_EQ(
              run_steps(ranks, {.threads = threads, .bucket_bytes = bytes, .parts = parts, .shared = true}),
              expected);
        });
}

TEST_P(GradientReducerOnHosts, NativeAddsIntegersOnEachHostAndTheHostsFloatsInTheirOrder) {
  for (bool parts : {false, true})
    run([&](Communicator& ranks) {
      run_steps(ranks, {.mode = GradientReducer::Mode::native,
                        .threads = 2,
                        .bucket_bytes = 1 << 16,
                        .parts = parts,
                        .shared = true});
    });
}

TEST_P(GradientReducerOnHosts, RankThatThrowsInTheMiddleOfAStepLeavesNobodyWaiting) {
  const auto step = [](Communicator& ranks) {
    const auto hosts = join_hosts(ranks);
    GradientReducer reducer = make_reducer(ranks, {.bucket_bytes = 1}, hosts.get());
    reducer.begin_step(1);
    for (auto layer = kLayers.rbegin(); layer != kLayers.rend(); ++layer) {
      if (ranks.rank() == 1 && *layer == 0) throw DataError("a sample cannot be read");
      reducer.passed(*layer);
    }
    reducer.finish();
  };
  EXPECT_THROW(run(step), DataError);
}

/// As after a refused step: nobody waits for weights before the next one begins. Rank 1 reads the others'
/// sums late.
TEST_P(GradientReducerOnHosts, NobodysSumsAreOverwrittenBeforeAllHaveReadThem) {
  run([](Communicator& ranks) {
    const auto hosts = join_hosts(ranks);
    GradientReducer reducer = make_reducer(ranks, {}, hosts.get());
    const bool late = ranks.rank() == 1;
    for (std::int64_t step = 0; step < 5; ++step) {
      reducer.begin_step(1);
      const std::vector<float> gradient(index(kElements), static_cast<float>(step + 1));
      for (std::size_t i = kTensors.size(); i-- > 0;) {
        const std::int64_t end = i + 1 < kTensors.size() ? kTensors[i + 1] : kElements;
        EXPECT_TRUE(reducer.add(kTensors[i], std::span(gradient).first(index(end - kTensors[i]))));
      }
      if (!late) std::this_thread::sleep_for(std::chrono::milliseconds(5));
      for (auto layer = kLayers.rbegin(); layer != kLayers.rend(); ++layer) reducer.passed(*layer);
      reducer.finish();
      if (late) std::this_thread::sleep_for(std::chrono::milliseconds(20));
      const std::vector<float> gradients = owned_gradients(reducer);
      for (const auto& range : reducer.owned())
        for (std::int64_t i = range.begin; i < range.end; ++i)
          ASSERT_EQ(gradients[index(i)], static_cast<float>((step + 1) * ranks.size()));
    }
  });
}

TEST(GradientReducer, SquaredNormIsThatOfTheWholeGradient) {
  double expected = 0;
  for (float value : expected_gradient({}, 1, 0))
    expected += static_cast<double>(value) * static_cast<double>(value);
  EXPECT_NEAR(norms_of_one_rank({}).front(), expected, expected * 1e-12);
}

TEST(GradientReducer, RefusesWhatCannotBeSummedAndIsWholeAgainInTheNextStep) {
  const auto self = make_self_communicator();
  for (std::int64_t slices : {1, 8, 48}) {
    GradientReducer reducer = make_reducer(*self, {.slices = slices});
    const float limit = static_cast<float>(0x1p19 / static_cast<double>(slices));
    const float below = std::nextafter(limit, 0.0F);
    for (float bad :
         {limit, -limit, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
      reducer.begin_step(slices);
      std::vector<float> gradient(100, 1.0F);
      gradient[77] = bad;
      EXPECT_FALSE(reducer.add(16'000, gradient)) << bad;
      for (std::int64_t i = 0; i < slices; ++i)
        for (auto layer = kLayers.rbegin(); layer != kLayers.rend(); ++layer) reducer.passed(*layer);
      reducer.finish();

      // The largest sums that may be: every slice at the limit.
      reducer.begin_step(slices);
      gradient[77] = below;
      gradient[78] = -below;
      for (std::int64_t i = 0; i < slices; ++i) {
        EXPECT_TRUE(reducer.add(16'000, gradient));
        for (auto layer = kLayers.rbegin(); layer != kLayers.rend(); ++layer) reducer.passed(*layer);
      }
      reducer.finish();
      const std::vector<float> gradients = owned_gradients(reducer);
      EXPECT_FLOAT_EQ(gradients[16'077], below * static_cast<float>(slices));
      EXPECT_FLOAT_EQ(gradients[16'078], -below * static_cast<float>(slices));
      EXPECT_EQ(gradients[16'000], static_cast<float>(slices));
      EXPECT_EQ(gradients[15'999], 0.0F);
    }
  }
}

TEST(GradientReducer, FinishingBeforeAllSlicesPassedIsADefect) {
  GradientReducer reducer = make_reducer(*make_self_communicator(), {});
  reducer.begin_step(1);
  reducer.passed(kLayers.back());
  EXPECT_THROW(reducer.finish(), DefectError);
}

TEST_P(GradientReducerOf, RankThatThrowsInTheMiddleOfAStepLeavesNobodyWaiting) {
  const auto step = [](Communicator& ranks) {
    GradientReducer reducer = make_reducer(ranks, {.bucket_bytes = 1});
    reducer.begin_step(1);
    std::vector<float> gradient(1000, 0.5F);
    for (auto layer = kLayers.rbegin(); layer != kLayers.rend(); ++layer) {
      if (ranks.rank() == 0 && *layer == 0) throw DataError("a sample cannot be read");
      reducer.add(*layer, gradient);
      reducer.passed(*layer);
    }
    reducer.finish();
  };
  EXPECT_THROW(run_ranks(GetParam(), step), DataError);
}

}  // namespace
}  // namespace convoy
