#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "comm/bucket_plan.h"
#include "core/cuda/collectives.h"
#include "core/cuda/memory.h"
#include "core/cuda/step_state.h"

namespace convoy {

/// Sums the slices' gradients over slices and ranks on devices: GradientReducer for GPUs. Everything is
/// queued; a bucket's sums travel in a stream of their own as soon as the last local slice has passed it,
/// while earlier layers still run backward. With `exact`, integers travel, else floats.
class DeviceReducer {
 public:
  /// `slices`: S, of the global batch. The collectives must outlive the reducer.
  DeviceReducer(cuda::Collectives& collectives, BucketPlan plan, bool exact, std::int64_t slices);

  /// Queues clearing the sums. `local_slices`: how many slices of this rank will pass; zero is allowed.
  void begin_step(const cuda::Stream& main, std::int64_t local_slices);
  /// Queues adding a slice's gradient of the arena's elements [offset, offset + n); `block` is named in
  /// `state` where it cannot be summed.
  void add(const cuda::Stream& stream, std::int64_t offset, const float* gradient, std::int64_t n,
           std::size_t block, cuda::StepState* state);
  /// One slice's gradients of the block whose parameters begin at `offset` have been queued in the stream.
  void passed(const cuda::Stream& stream, std::int64_t offset);
  /// What is queued in `main` from now on finds the gradients of what this rank owns in gradients().
  void finish(const cuda::Stream& main);

  /// Indexed as the arena; on the device.
  const float* gradients() const { return gradients_.as<float>(); }
  std::span<const BucketPlan::Range> owned() const { return owned_; }

  /// After finish(): queues choosing state->gradient_scale so that the whole gradient's norm stays within
  /// `clipnorm`.
  void clip(const cuda::Stream& main, double clipnorm, cuda::StepState* state);
  /// Queues that all ranks have the elements of an arena that each rank has of what it owns.
  void share(const cuda::Stream& main, float* arena);

  const BucketPlan& plan() const { return plan_; }
  std::size_t memory_bytes() const;

 private:
  std::size_t bucket_at(std::int64_t offset) const;
  void start(std::size_t bucket);
  void start_ready();
  void order_norms();

  cuda::Collectives& collectives_;
  const BucketPlan plan_;
  const bool exact_;
  const float limit_;
  const std::vector<BucketPlan::Range> owned_;
  cuda::Stream travel_;
  cuda::Event arrived_;
  cuda::DeviceMemory sums_, gradients_;

  struct Progress {
    std::int64_t passed = 0;          ///< times a slice and a block
    std::vector<cuda::Event> events;  ///< one a pass, used anew each step
  };
  std::vector<Progress> buckets_;
  std::size_t started_ = 0;
  std::int64_t local_slices_ = 0;

  // Of clip(): this rank's norm blocks, all ranks' norms in the order of the ranks, and their order in the
  // arena.
  std::int64_t own_norms_ = 0, first_norm_ = 0, all_norms_ = 0;
  std::vector<std::int64_t> norm_bytes_;
  cuda::DeviceMemory norm_blocks_, norms_, norm_order_;
};

}  // namespace convoy
