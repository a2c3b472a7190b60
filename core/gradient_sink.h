#pragma once

#include <cstdint>
#include <span>

namespace convoy {

/// Takes the slices' gradients. Implemented by comm's GradientReducer; called by the executor's worker
/// threads.
class GradientSink {
 public:
  virtual ~GradientSink() = default;

  /// Adds one slice's gradient of the arena's elements [offset, offset + gradient.size()). Thread-safe; the
  /// sum does not depend on the order. Returns false if an element is not finite or too large to be summed
  /// exactly (it then added nothing that may be used).
  virtual bool add(std::int64_t offset, std::span<const float> gradient) = 0;

  /// The same for a gradient that is formed part by part, all local slices of a part at a time: what they sum
  /// to from `offset` on, as integers of 2^-44, once a step. Which elements come this way is fixed; add()
  /// never touches them. Thread-safe.
  virtual void set(std::int64_t offset, std::span<const std::int64_t> sum) = 0;
  /// What a slice's elements must stay below to be summed.
  virtual float limit() const = 0;

  /// One of this rank's slices will add nothing more to the block whose parameters begin at `offset`; called
  /// once a slice and block, also where the block's parts were set. A bucket whose blocks every local slice
  /// has passed starts to travel.
  virtual void passed(std::int64_t offset) = 0;
};

}  // namespace convoy
