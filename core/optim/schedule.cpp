#include "core/optim/schedule.h"

#include <algorithm>
#include <numbers>

#include "core/math.h"

namespace convoy {

namespace {

struct RateAt {
  std::int64_t step;

  double operator()(const ConstantRate& constant) const { return constant.learning_rate; }
  double operator()(const CosineDecay& cosine) const {
    const double progress =
        static_cast<double>(std::min(step, cosine.decay_steps)) / static_cast<double>(cosine.decay_steps);
    const double shape = 0.5 * (1 + math::cos(std::numbers::pi * progress));
    return cosine.initial_learning_rate * ((1 - cosine.alpha) * shape + cosine.alpha);
  }
  double operator()(const PiecewiseConstantDecay& pieces) const {
    const auto boundary = std::lower_bound(pieces.boundaries.begin(), pieces.boundaries.end(), step);
    return pieces.values[static_cast<std::size_t>(boundary - pieces.boundaries.begin())];
  }
};

}  // namespace

double LearningRate::at(std::int64_t step) const {
  if (step >= warmup_steps) return std::visit(RateAt{step - warmup_steps}, schedule);
  const double first = std::visit(RateAt{0}, schedule);
  const double steps = static_cast<double>(warmup_steps);
  if (warmup_from) return *warmup_from + (first - *warmup_from) * (static_cast<double>(step) / steps);
  return first * (static_cast<double>(step + 1) / steps);
}

}  // namespace convoy
