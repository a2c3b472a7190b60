#pragma once

#include <cstdint>

namespace convoy {

/// One global batch as one rank sees it.
struct StepPlan {
  std::uint64_t seed = 0;
  std::uint64_t step = 0;    ///< counts from the start of training
  std::int64_t samples = 0;  ///< of the global batch
  std::int64_t slices = 1;   ///< S; slice j holds samples [j * samples / S, (j + 1) * samples / S)
  std::int64_t first_slice = 0, last_slice = 1;  ///< this rank's: [first, last)

  std::int64_t slice_begin(std::int64_t slice) const { return slice * samples / slices; }
  std::int64_t slice_samples(std::int64_t slice) const { return slice_begin(slice + 1) - slice_begin(slice); }
  /// How many of this rank's slices hold at least one sample.
  std::int64_t present_slices() const;
};

}  // namespace convoy
