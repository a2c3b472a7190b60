#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace convoy {

/// Elements of a norm block: squared norms are summed in blocks, so that their bits do not depend on who owns
/// what.
inline constexpr std::int64_t kNormBlock = 4096;

/// A contiguous range of the arena that travels as one message.
struct Bucket {
  std::int64_t begin = 0, end = 0;
  std::vector<std::int64_t>
      counts;               ///< elements that each rank owns, in rank order; they add up to end - begin
  std::int64_t blocks = 1;  ///< the cuts in [begin, end)

  std::int64_t owned_begin(int rank) const;
};

/// How the arena is cut for travelling. A pure function of its arguments, the same on every rank; it decides
/// how the work is shared and no bit of its result.
class BucketPlan {
 public:
  /// `tensors`: where the arena's parameters begin, ascending, the first at 0: norm blocks are counted from
  /// these, and owners change only between norm blocks. `cuts`: the subset of them at which buckets may
  /// begin, ascending, the first at 0. A bucket is closed as soon as it holds `bucket_bytes` of 64-bit sums
  /// (1 MiB unless said).
  BucketPlan(std::span<const std::int64_t> tensors, std::span<const std::int64_t> cuts, std::int64_t elements,
             int ranks, std::optional<std::int64_t> bucket_bytes = std::nullopt);

  /// From the arena's end to its beginning: the order in which backward fills them.
  const std::vector<Bucket>& buckets() const { return buckets_; }
  /// The first elements of all norm blocks, ascending, and the arena's size at the end.
  const std::vector<std::int64_t>& norm_blocks() const { return norm_blocks_; }
  std::int64_t elements() const { return norm_blocks_.back(); }

  struct Range {
    std::int64_t begin = 0, end = 0;
  };
  /// What a rank owns: at most one range a bucket, in their order; empty ones left out.
  std::vector<Range> owned(int rank) const;

 private:
  Bucket make_bucket(std::int64_t begin, std::int64_t end, int ranks) const;

  std::vector<std::int64_t> norm_blocks_;
  std::vector<Bucket> buckets_;
};

}  // namespace convoy
