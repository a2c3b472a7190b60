#include "comm/bucket_plan.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace convoy {

namespace {
constexpr std::int64_t kDefaultBucketBytes = std::int64_t{1} << 20;
}

std::int64_t Bucket::owned_begin(int rank) const {
  return std::accumulate(counts.begin(), counts.begin() + rank, begin);
}

BucketPlan::BucketPlan(std::span<const std::int64_t> tensors, std::span<const std::int64_t> cuts,
                       std::int64_t elements, int ranks, std::optional<std::int64_t> bucket_bytes) {
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const std::int64_t end = i + 1 < tensors.size() ? tensors[i + 1] : elements;
    for (std::int64_t begin = tensors[i]; begin < end; begin += kNormBlock) norm_blocks_.push_back(begin);
  }
  norm_blocks_.push_back(elements);
  const std::int64_t target =
      bucket_bytes.value_or(kDefaultBucketBytes) / static_cast<std::int64_t>(sizeof(std::int64_t));
  std::int64_t end = elements, blocks = 0;
  for (std::size_t i = cuts.size(); i-- > 0;) {
    ++blocks;
    if (end - cuts[i] < target && i > 0) continue;
    buckets_.push_back(make_bucket(cuts[i], end, ranks));
    buckets_.back().blocks = std::exchange(blocks, 0);
    end = cuts[i];
  }
}

Bucket BucketPlan::make_bucket(std::int64_t begin, std::int64_t end, int ranks) const {
  Bucket bucket{begin, end, {}, 1};
  std::int64_t from = begin;
  for (int rank = 1; rank <= ranks; ++rank) {
    const std::int64_t ideal = begin + (end - begin) * rank / ranks;
    const auto block = std::lower_bound(norm_blocks_.begin(), norm_blocks_.end(), ideal);
    const std::int64_t to = rank == ranks ? end : std::min(*block, end);
    bucket.counts.push_back(to - from);
    from = to;
  }
  return bucket;
}

std::vector<BucketPlan::Range> BucketPlan::owned(int rank) const {
  std::vector<Range> ranges;
  for (const Bucket& bucket : buckets_) {
    const std::int64_t begin = bucket.owned_begin(rank);
    const std::int64_t count = bucket.counts[static_cast<std::size_t>(rank)];
    if (count > 0) ranges.push_back({begin, begin + count});
  }
  return ranges;
}

}  // namespace convoy
