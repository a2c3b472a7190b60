#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "core/data/batch_plan.h"
#include "core/profiler.h"

namespace convoy {

/// What one step did; equal on all ranks.
struct StepResult {
  std::int64_t samples = 0;
  double loss = 0;  ///< mean over the global batch, before the update
  double accuracy = 0;
  double top5 = 0;
  double learning_rate = 0;
  /// Why the weights were left as they were: "the gradient of layer 'dense' is not finite, or larger than …".
  std::optional<std::string> refused;
  std::uint32_t requests = 0;  ///< what the ranks asked for (Stepper::request)
};

/// Takes training steps: every rank's part of the global batch, the sum of the gradients, the sharded update,
/// and the new weights back to all. Decisions follow from values that all ranks share, so no two can differ.
///
/// The weights are those of a TrainingState. Where they live in another memory during the steps, load() and
/// fetch() bring them there and back.
class Stepper {
 public:
  virtual ~Stepper() = default;

  /// Steps `first`, first + 1, … of the run, from 0, one for each result. Collective.
  virtual void take(std::int64_t first, std::span<StepResult> results) = 0;
  /// How many steps are best taken by one call.
  virtual std::int64_t steps_at_once() const { return 1; }
  /// What this rank says with the next steps: bits, combined over the ranks by `or`.
  virtual void request(std::uint32_t bits) = 0;

  /// The state's current generation has been written by others than steps.
  virtual void load() {}
  /// Makes the state's current weights and statistics those of the last step.
  virtual void fetch_weights() {}
  /// The same of all moments, of which each rank holds a part. Collective.
  virtual void fetch_moments() = 0;

  virtual const BatchPlan& batches() const = 0;
  /// Where this rank's time goes.
  virtual Profiler& profiler() = 0;
  /// What activations and workspaces take.
  virtual std::size_t memory_bytes() const = 0;
};

}  // namespace convoy
