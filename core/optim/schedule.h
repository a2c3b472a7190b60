#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

namespace convoy {

// Learning rates as functions of the step, with Keras' formulas and parameter names. Steps count from 0.

struct ConstantRate {
  double learning_rate = 1e-3;
};

/// From initial_learning_rate along half a cosine to alpha * initial_learning_rate after decay_steps, then
/// constant (Loshchilov and Hutter 2016, without restarts).
struct CosineDecay {
  double initial_learning_rate = 1e-3;
  std::int64_t decay_steps = 1;
  double alpha = 0;
};

/// values[i] up to and including step boundaries[i]; the last value after the last boundary.
struct PiecewiseConstantDecay {
  std::vector<std::int64_t> boundaries;
  std::vector<double> values;
};

/// A schedule with a linear warm-up in front: step s of the first warmup_steps has (s + 1) / warmup_steps of
/// the schedule's first rate, or with `warmup_from` starts there, as Keras' CosineDecay with a warmup_target:
/// warmup_from + (first rate - warmup_from) * s / warmup_steps. The schedule itself starts, at its step 0,
/// behind them.
struct LearningRate {
  std::variant<ConstantRate, CosineDecay, PiecewiseConstantDecay> schedule;
  std::int64_t warmup_steps = 0;
  std::optional<double> warmup_from{};

  double at(std::int64_t step) const;
};

}  // namespace convoy
