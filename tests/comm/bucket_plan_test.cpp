#include "comm/bucket_plan.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <set>

namespace convoy {
namespace {

/// Three layers with kernel and bias: 10,000 + 64, 300,000 + 128, 1,280 + 16 elements.
const std::vector<std::int64_t> kTensors{0, 10'000, 10'064, 310'064, 310'192, 311'472};
const std::vector<std::int64_t> kCuts{0, 10'064, 310'192};
constexpr std::int64_t kElements = 311'488;

BucketPlan plan(int ranks, std::optional<std::int64_t> bytes = std::nullopt) {
  return BucketPlan(kTensors, kCuts, kElements, ranks, bytes);
}

TEST(BucketPlan, CoversTheArenaFromItsEndToItsBeginningCutAtLayers) {
  for (std::int64_t bytes : {1, 100'000, 1'000'000, 100'000'000}) {
    const BucketPlan whole = plan(3, bytes);
    std::int64_t end = kElements;
    for (const Bucket& bucket : whole.buckets()) {
      EXPECT_EQ(bucket.end, end);
      EXPECT_TRUE(std::ranges::count(kCuts, bucket.begin)) << bucket.begin;
      end = bucket.begin;
    }
    EXPECT_EQ(end, 0);
  }
}

TEST(BucketPlan, ClosesABucketAsSoonAsItHoldsTheBytes) {
  EXPECT_EQ(plan(2, 1).buckets().size(), 3U);
  // The last layer's 1,296 sums are too few alone, and travel with those of the layer before.
  EXPECT_EQ(plan(2, 1'296 * 8 + 8).buckets().size(), 2U);
  EXPECT_EQ(plan(2, 1'296 * 8).buckets().size(), 3U);
  EXPECT_EQ(plan(2).buckets().size(), 2U);
  EXPECT_EQ(plan(2, std::int64_t{1} << 40).buckets().size(), 1U);
}

TEST(BucketPlan, GivesEveryElementToOneRankInWholeNormBlocks) {
  for (int ranks = 1; ranks <= 9; ++ranks) {
    const BucketPlan whole = plan(ranks);
    const std::set<std::int64_t> blocks(whole.norm_blocks().begin(), whole.norm_blocks().end());
    std::vector<int> owners(kElements, 0);
    for (int rank = 0; rank < ranks; ++rank)
      for (const auto& range : whole.owned(rank)) {
        EXPECT_LT(range.begin, range.end);
        EXPECT_TRUE(blocks.contains(range.begin) && blocks.contains(range.end))
            << range.begin << ", " << range.end;
        for (std::int64_t i = range.begin; i < range.end; ++i) ++owners[static_cast<std::size_t>(i)];
      }
    EXPECT_EQ(std::ranges::count(owners, 1), kElements) << ranks << " ranks";
  }
}

TEST(BucketPlan, DividesABucketEvenlyButForABlock) {
  for (int ranks = 1; ranks <= 9; ++ranks) {
    const Bucket large = plan(ranks, 1).buckets()[1];
    const std::int64_t even = (large.end - large.begin) / ranks;
    for (std::int64_t count : large.counts)
      EXPECT_LE(std::abs(count - even), kNormBlock) << ranks << " ranks";
  }
}

TEST(BucketPlan, CountsNormBlocksFromTheBeginningOfEachTensorWhateverTheBuckets) {
  const BucketPlan one = plan(1), many = plan(7, 1);
  EXPECT_EQ(one.norm_blocks(), many.norm_blocks());
  const auto& blocks = one.norm_blocks();
  for (std::int64_t tensor : kTensors) EXPECT_TRUE(std::ranges::binary_search(blocks, tensor));
  for (std::size_t i = 0; i + 1 < blocks.size(); ++i) {
    EXPECT_LT(blocks[i], blocks[i + 1]);
    EXPECT_LE(blocks[i + 1] - blocks[i], kNormBlock);
  }
  EXPECT_EQ(blocks.back(), kElements);
}

TEST(BucketPlan, LeavesRanksEmptyHandedWhereThereAreFewerBlocksThanRanks) {
  const std::vector<std::int64_t> tensors{0};
  const BucketPlan small(tensors, tensors, 5'000, 8);
  EXPECT_EQ(small.buckets().size(), 1U);
  std::int64_t owned = 0;
  for (int rank = 0; rank < 8; ++rank)
    for (const auto& range : small.owned(rank)) owned += range.end - range.begin;
  EXPECT_EQ(owned, 5'000);
}

}  // namespace
}  // namespace convoy
