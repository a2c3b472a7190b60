#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace convoy {

/// How the ranks' sums become one gradient and the new weights reach all ranks. A step: begin_step(); start()
/// of every bucket in order, when this rank's sums of it are complete; finish(); gradient() of what this rank
/// owns. Then, where weights were updated, share_weights(). All ranks alike. Throws CommError.
class GradientExchange {
 public:
  virtual ~GradientExchange() = default;

  /// Where this rank adds up its slices' gradients, indexed as the arena.
  virtual std::span<std::int64_t> sums() = 0;
  /// Room for gradients, indexed as the arena.
  virtual std::span<float> gradients() = 0;
  /// Whether a rank's sums become floats before they meet the others': the caller then writes gradients()
  /// before it starts a bucket.
  virtual bool takes_floats() const = 0;

  /// When it returns, nobody reads the last step's sums any more.
  virtual void begin_step() = 0;
  virtual void start(std::size_t bucket) = 0;
  /// Does what can be done without waiting. No two threads at a time call this or start().
  virtual void progress() = 0;
  virtual void finish() = 0;
  /// After finish(): the global batch's gradient of a part of an owned range, which begins at `begin` and is
  /// as long as `room`: in `room`, or in gradients(). Several threads may ask for different parts at once.
  virtual std::span<const float> gradient(std::int64_t begin, std::span<float> room) = 0;

  /// `weights`: the arena of which this rank has written what it owns, and has then all.
  virtual void share_weights(std::span<float> weights) = 0;
};

}  // namespace convoy
