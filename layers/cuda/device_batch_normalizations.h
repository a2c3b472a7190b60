#pragma once

#include <cstdint>
#include <vector>

#include "core/cuda/memory.h"
#include "layers/cuda/device_network.h"

namespace convoy {

/// A network's batch normalizations during a step on a device: as BatchNormalizations on the CPU, queued.
/// Slices are counted in the global batch, local slices on this rank.
class DeviceBatchNormalizations {
 public:
  DeviceBatchNormalizations(const DeviceNetwork& network, std::int64_t slices, std::int64_t local_slices);

  void begin_step(const cuda::Stream& stream) const;

  /// For a block's forward() and backward(); null where the block is no part of a normalization.
  double* forward_record(std::size_t block, std::int64_t slice) const;
  double* backward_record(std::size_t block, std::int64_t slice) const;
  const double* values(std::size_t block, std::int64_t local_slice) const;
  /// After a slice's forward() or backward(): with `statistics: slice` its values follow at once.
  void forward_done(const cuda::Stream& stream, std::size_t block, std::int64_t slice,
                    std::int64_t local_slice) const;
  void backward_done(const cuda::Stream& stream, std::size_t block, std::int64_t slice,
                     std::int64_t local_slice) const;

  /// With `statistics: batch`: the records of all slices, to be gathered, and what to call then; `block` is
  /// the moments', the last of a segment.
  struct Records {
    double* values;
    std::int64_t width;  ///< of one slice's
  };
  Records forward_records(std::size_t block) const;
  Records backward_records(std::size_t block) const;
  void forward_gathered(const cuda::Stream& stream, std::size_t block) const;
  void backward_gathered(const cuda::Stream& stream, std::size_t block) const;

  /// The records of those with `statistics: slice`, to be gathered before move_statistics().
  std::vector<Records> slice_records() const;
  void move_statistics(const cuda::Stream& stream, const float* statistics, float* moved) const;

  std::size_t memory_bytes() const;

 private:
  struct Site {
    std::size_t moments_block = 0;
    const Op* op = nullptr;
    std::int64_t channels = 0;
    bool whole_batch = true;
    cuda::DeviceMemory forward;   ///< 1 + 2 * C doubles a slice
    cuda::DeviceMemory backward;  ///< 2 * C a slice
    cuda::DeviceMemory values;    ///< mean, variance, a, b: 4 * C; one set, or one a local slice
    cuda::DeviceMemory means;     ///< of the batch, where the values are a slice's: mean, variance

    std::int64_t width() const { return 1 + 2 * channels; }
    double* forward_of(std::int64_t slice) const { return forward.as<double>() + slice * width(); }
    double* backward_of(std::int64_t slice) const { return backward.as<double>() + slice * 2 * channels; }
    double* values_of(std::int64_t local_slice) const {
      return values.as<double>() + (whole_batch ? 0 : local_slice * 4 * channels);
    }
  };
  const Site* at(std::size_t block) const { return site_of_[block] < 0 ? nullptr : &sites_[index_of(block)]; }
  std::size_t index_of(std::size_t block) const { return static_cast<std::size_t>(site_of_[block]); }

  std::vector<Site> sites_;
  std::vector<int> site_of_;  ///< one a block: the moments' and the normalizing one's; -1 elsewhere
  std::vector<bool> is_moments_;
  std::int64_t slices_;
  std::int64_t statistics_elements_;
};

}  // namespace convoy
