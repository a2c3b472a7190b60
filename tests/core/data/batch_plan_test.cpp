#include "core/data/batch_plan.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <set>
#include <vector>

#include "core/error.h"

namespace convoy {
namespace {

using Sizes = std::vector<std::int64_t>;

BatchPlan plan(std::int64_t samples, std::int64_t batch, std::int64_t slices, std::uint64_t seed = 1) {
  return BatchPlan(
      {.samples = samples, .global_batch_size = batch, .slices = slices, .seed = seed, .shuffle = true});
}

TEST(BatchPlan, AutomaticSlicesLeaveEightSamplesInEach) {
  const std::vector<std::pair<std::int64_t, std::int64_t>> expected{
      {1, 1},   {15, 1},   {16, 2},   {31, 2},    {32, 4},     {33, 4},
      {100, 8}, {511, 32}, {512, 64}, {1023, 64}, {100000, 64}};
  for (const auto& [batch, slices] : expected)
    EXPECT_EQ(automatic_slices(batch), slices) << "batch " << batch;
}

TEST(BatchPlan, PartsAreContiguousCompleteAndEven) {
  for (std::int64_t count = 0; count <= 40; ++count) {
    for (std::int64_t parts = 1; parts <= 12; ++parts) {
      std::int64_t next = 0;
      for (std::int64_t j = 0; j < parts; ++j) {
        const auto range = part_of(count, parts, j);
        ASSERT_EQ(range.begin, next);
        ASSERT_GE(range.size(), count / parts);
        ASSERT_LE(range.size(), (count + parts - 1) / parts);
        next = range.end;
      }
      ASSERT_EQ(next, count);
    }
  }
}

TEST(BatchPlan, PartsOfHugeCountsDoNotOverflow) {
  const std::int64_t count = std::int64_t{1} << 61;
  EXPECT_EQ(part_of(count, 64, 63), (IndexRange{count / 64 * 63, count}));
}

TEST(BatchPlan, EverySampleComesOnceAnEpochOnAnyNumberOfRanks) {
  for (const std::int64_t samples : {1, 5, 31, 32, 33, 100, 257}) {
    for (const std::int64_t batch : {1, 8, 32, 300}) {
      for (const std::int64_t slices : {1, 3, 8}) {
        const auto p = plan(samples, batch, slices, static_cast<std::uint64_t>(samples));
        for (const std::int64_t ranks : {1, 2, 3}) {
          for (const std::int64_t epoch : {0, 1, 5}) {
            std::vector<int> seen(static_cast<std::size_t>(samples));
            for (std::int64_t step = epoch * p.steps_per_epoch(); step < (epoch + 1) * p.steps_per_epoch();
                 ++step) {
              for (std::int64_t rank = 0; rank < ranks; ++rank) {
                const auto own = part_of(slices, ranks, rank);
                for (std::int64_t j = own.begin; j < own.end; ++j) {
                  const auto positions = p.slice(step, j);
                  Sizes indices(static_cast<std::size_t>(positions.size()));
                  p.samples(step, positions, indices);
                  for (const auto index : indices) ++seen.at(static_cast<std::size_t>(index));
                }
              }
            }
            ASSERT_TRUE(std::all_of(seen.begin(), seen.end(), [](int n) { return n == 1; }))
                << samples << " samples, batch " << batch << ", slices " << slices << ", ranks " << ranks;
          }
        }
      }
    }
  }
}

TEST(BatchPlan, KeepsTheLastShortBatch) {
  const auto p = plan(100, 32, 4);
  EXPECT_EQ(p.steps_per_epoch(), 4);
  EXPECT_EQ(p.batch_size(0), 32);
  EXPECT_EQ(p.batch_size(3), 4);
  EXPECT_EQ(p.batch_size(7), 4);
  EXPECT_EQ(p.batch_size(8), 32);
  EXPECT_EQ(p.epoch_of(3), 0);
  EXPECT_EQ(p.epoch_of(4), 1);
}

TEST(BatchPlan, LeavesSlicesEmptyWhereTheLastBatchIsSmallerThanTheirNumber) {
  const auto p = plan(35, 32, 8);
  ASSERT_EQ(p.batch_size(1), 3);
  std::int64_t samples = 0, empty = 0;
  for (std::int64_t j = 0; j < 8; ++j) {
    samples += p.slice(1, j).size();
    empty += p.slice(1, j).empty();
  }
  EXPECT_EQ(samples, 3);
  EXPECT_EQ(empty, 5);
}

TEST(BatchPlan, ABatchLargerThanTheDataIsOneShortBatch) {
  const auto p = plan(10, 64, 4);
  EXPECT_EQ(p.steps_per_epoch(), 1);
  EXPECT_EQ(p.batch_size(0), 10);
}

TEST(BatchPlan, CutsAnEpochOrderThatDoesNotDependOnBatchOrSlices) {
  const auto p = plan(100, 10, 2), q = plan(100, 7, 5);
  for (std::int64_t i = 0; i < 100; ++i) {
    EXPECT_EQ(p.sample(p.steps_per_epoch() + i / 10, i % 10), q.sample(q.steps_per_epoch() + i / 7, i % 7));
  }
}

TEST(BatchPlan, KeepsTheDataOrderWithoutShuffling) {
  const BatchPlan p({.samples = 10, .global_batch_size = 4, .slices = 1, .seed = 1, .shuffle = false});
  Sizes indices(2);
  p.samples(5, {0, 2}, indices);
  EXPECT_EQ(indices, (Sizes{8, 9}));
}

TEST(BatchPlan, NamesEverySliceSizeThatAnEpochMeets) {
  for (const std::int64_t samples : {1, 7, 35, 100, 101, 128}) {
    for (const std::int64_t batch : {1, 10, 32, 200}) {
      for (const std::int64_t slices : {1, 3, 8}) {
        const auto p = plan(samples, batch, slices);
        std::set<std::int64_t> met;
        for (std::int64_t step = 0; step < p.steps_per_epoch(); ++step) {
          for (std::int64_t j = 0; j < slices; ++j) met.insert(p.slice(step, j).size());
        }
        met.erase(0);
        EXPECT_EQ(p.slice_sizes(), Sizes(met.begin(), met.end()));
      }
    }
  }
}

TEST(BatchPlan, RefusesAnEmptyPlan) {
  EXPECT_THROW(plan(0, 32, 4), DefectError);
  EXPECT_THROW(plan(10, 0, 4), DefectError);
  EXPECT_THROW(plan(10, 32, 0), DefectError);
}

}  // namespace
}  // namespace convoy
