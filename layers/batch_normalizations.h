#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "layers/network.h"

namespace convoy {

/// A network's batch normalizations during a training step: the slices' records, and the values that follow
/// from them (core/ops.h). Slices are counted in the global batch, local slices on this rank.
class BatchNormalizations {
 public:
  BatchNormalizations(const Network& network, std::int64_t slices, std::int64_t local_slices);

  void begin_step();

  /// For a block's forward() and backward(); null where the block is no part of a normalization.
  double* forward_record(std::size_t block, std::int64_t slice);
  double* backward_record(std::size_t block, std::int64_t slice);
  const double* values(std::size_t block, std::int64_t local_slice) const;
  /// After a slice's forward() or backward(): with `statistics: slice` its values follow at once.
  void forward_done(std::size_t block, std::int64_t slice, std::int64_t local_slice);
  void backward_done(std::size_t block, std::int64_t slice, std::int64_t local_slice);

  /// With `statistics: batch`: the records of all slices, to be gathered, and what to call then; `block` is
  /// the moments', the last of a segment.
  struct Records {
    std::span<double> values;
    std::int64_t width;  ///< of one slice's
  };
  Records forward_records(std::size_t block);
  Records backward_records(std::size_t block);
  void forward_gathered(std::size_t block);
  void backward_gathered(std::size_t block);

  /// What a slice adds to the step's record, so that every rank can move the statistics.
  std::int64_t step_record_width() const { return step_record_width_; }
  void write_step_record(std::int64_t slice, std::span<double> record) const;
  /// `records`: one a slice of the global batch, `width` apart, each a step record.
  void move_statistics(std::span<const double> records, std::int64_t width, std::span<const float> statistics,
                       std::span<float> moved);

 private:
  struct Site {
    std::size_t moments_block = 0;
    const Op* op = nullptr;
    std::int64_t channels = 0;
    bool whole_batch = true;
    std::vector<double> forward;   ///< moments_width(C) a slice
    std::vector<double> backward;  ///< 2 * C a slice
    std::vector<double> values;    ///< mean, variance, a, b: 4 * C; one set, or one a local slice
    std::vector<double> means;     ///< of the batch: mean, variance

    std::span<double> forward_of(std::int64_t slice);
    std::span<double> backward_of(std::int64_t slice);
    std::span<double> values_of(std::int64_t local_slice);
    std::span<const double> batch_means(std::span<const double> records, std::int64_t width);
  };
  Site* at(std::size_t block) { return site_of_[block]; }

  std::vector<Site> sites_;
  std::vector<Site*> site_of_;  ///< one a block: the moments' and the normalizing one's; null elsewhere
  std::vector<bool> is_moments_;
  std::int64_t slices_;
  std::int64_t step_record_width_ = 0;
};

}  // namespace convoy
