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

  /// One of this rank's slices will add nothing more at or above `offset`; called in descending order of
  /// offset, once a slice and parameter-holding block. A bucket that every local slice has passed starts to
  /// travel.
  virtual void passed(std::int64_t offset) = 0;
};

}  // namespace convoy
