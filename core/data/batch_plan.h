#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/data/permutation.h"

namespace convoy {

/// The integers begin, …, end - 1.
struct IndexRange {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t size() const { return end - begin; }
  bool empty() const { return begin >= end; }
  friend bool operator==(const IndexRange&, const IndexRange&) = default;
};

/// Part `part` of {0, …, count - 1} cut into `parts` contiguous parts: [part * count / parts, (part + 1) *
/// count / parts), rounded down. Sizes differ by at most one; some are empty where parts > count. Slice j of
/// a batch of n samples is part_of(n, slices, j); rank r of W owns the slices part_of(slices, W, r).
IndexRange part_of(std::int64_t count, std::int64_t parts, std::int64_t part);

/// `train.slices: auto`: the largest power of two that leaves at least 8 samples in every slice, from 1
/// to 64.
std::int64_t automatic_slices(std::int64_t global_batch_size);

/// The order that each epoch takes the samples in: random, or their own.
struct SampleOrder {
  Permutation permutation;
  bool shuffle = true;

  /// The sample at `index` of the epoch's order.
  CONVOY_MATH std::int64_t operator()(std::uint64_t epoch, std::int64_t index) const {
    return shuffle ? permutation(epoch, index) : index;
  }
};

/// Which samples make up each step of training: a pure function of (seed, epoch, step), the same on every
/// rank.
///
/// An epoch is a random order of all samples (their own order without shuffling), cut into global batches;
/// the last one holds what is left. Steps are counted from 0 over the whole run: step s is batch s %
/// steps_per_epoch() of epoch s / steps_per_epoch().
class BatchPlan {
 public:
  struct Options {
    std::int64_t samples = 0;
    std::int64_t global_batch_size = 0;
    std::int64_t slices = 1;
    std::uint64_t seed = 0;
    bool shuffle = true;
  };

  /// Throws DefectError unless samples, global_batch_size and slices are positive.
  explicit BatchPlan(const Options& options);

  std::int64_t steps_per_epoch() const { return steps_per_epoch_; }
  std::int64_t epoch_of(std::int64_t step) const { return step / steps_per_epoch_; }
  std::int64_t slices() const { return options_.slices; }
  const SampleOrder& order() const { return order_; }
  /// The place of the step's first sample in its epoch's order.
  std::int64_t first_index(std::int64_t step) const {
    return step % steps_per_epoch_ * options_.global_batch_size;
  }

  /// The samples of the step's batch: global_batch_size, or fewer in an epoch's last step.
  std::int64_t batch_size(std::int64_t step) const;
  /// The slice's positions in the step's batch; empty where the batch has fewer samples than slices.
  IndexRange slice(std::int64_t step, std::int64_t slice) const;
  /// The sample at a position of the step's batch.
  std::int64_t sample(std::int64_t step, std::int64_t position) const;
  /// The samples at the given positions; `out` has as many elements.
  void samples(std::int64_t step, IndexRange positions, std::span<std::int64_t> out) const;

  /// Every size of a non-empty slice that training meets, ascending: what kernels must be planned for.
  std::vector<std::int64_t> slice_sizes() const;

 private:
  Options options_;
  SampleOrder order_;
  std::int64_t steps_per_epoch_;
};

}  // namespace convoy
