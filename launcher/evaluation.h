#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "core/data/input_pipeline.h"
#include "launcher/watchdog.h"
#include "layers/evaluator.h"

namespace convoy {

/// Figures over a whole split, every sample counted once; equal on all ranks, whatever their number.
struct EvaluationResult {
  std::int64_t samples = 0;
  double loss = 0;  ///< mean
  double accuracy = 0;
  double top5 = 0;
  std::int64_t not_finite = 0;  ///< as count_not_finite()
  std::vector<std::int64_t>
      confusion;  ///< [classes, classes]: how often a sample of class i was taken for class j

  std::int64_t classes = 0;
  /// What makes the weights of no use: "a loss of nan, and outputs that are not finite for 3 of 70 samples".
  /// Nothing where loss and outputs are finite.
  std::optional<std::string> defect() const;
  /// Of the samples of a class, the fraction that was recognised; NaN where there are none.
  double class_accuracy(std::int64_t label) const;
};

/// Of [samples, classes] outputs, the samples that have an output that is infinite or not a number.
std::int64_t count_not_finite(std::span<const float> outputs, std::int64_t samples);

/// Evaluates a split, its slices shared among the ranks; the evaluator must have been made for its size.
/// Collective. Tells `watchdog`, if any, of every slice.
EvaluationResult evaluate(Evaluator& evaluator, const InputPipeline& pipeline,
                          std::span<const float> parameters, std::span<const float> statistics,
                          const LossFunction& loss, Communicator& communicator, Watchdog* watchdog = nullptr);

}  // namespace convoy
