#pragma once

#include <cstdint>

#include "core/math.h"

// The loss of one sample, for every device.

namespace convoy::loss {

struct SampleLoss {
  double loss = 0;
  bool correct = false;
  bool top5 = false;
};

inline constexpr double kEpsilon = 1e-7;  ///< probabilities are clipped to [it, 1 - it]

CONVOY_MATH bool is_finite(double value) { return value - value == 0; }

/// The logit that an output stands for, and its slope.
struct Logit {
  double value;
  double slope;
};
CONVOY_MATH Logit logit_of(double output, bool from_logits) {
  if (from_logits) return {output, 1};
  const double least = output < kEpsilon ? kEpsilon : output;
  const double clipped = 1 - kEpsilon < least ? 1 - kEpsilon : least;
  return {math::log(clipped), clipped == output ? 1 / output : (output == output ? 0.0 : output)};
}

/// See SparseCategoricalCrossentropy (core/loss.h) for the formula and what counts as correct. `store(c, g)`
/// takes the gradient of each output; nothing is stored where `gradient_scale` is 0.
template <class T, class Store>
CONVOY_MATH SampleLoss sample_loss(const T* output, std::int64_t classes, std::int32_t label,
                                   bool from_logits, double label_smoothing, double gradient_scale,
                                   const Store& store) {
  const double background = label_smoothing / static_cast<double>(classes);
  double largest = logit_of(double{output[0]}, from_logits).value;
  for (std::int64_t c = 1; c < classes; ++c) {
    const double logit = logit_of(double{output[c]}, from_logits).value;
    largest = largest < logit ? logit : largest;
  }
  double sum = 0, target_logits = 0;
  std::int64_t larger = 0, earlier_equal = 0;
  bool finite = true;
  for (std::int64_t c = 0; c < classes; ++c) {
    const double logit = logit_of(double{output[c]}, from_logits).value - largest;
    sum += math::exp(logit);
    target_logits += (background + (c == label ? 1 - label_smoothing : 0)) * logit;
    larger += output[c] > output[label];
    earlier_equal += c < label && output[c] == output[label];
    finite = finite && is_finite(double{output[c]});
  }
  if (gradient_scale != 0)
    for (std::int64_t c = 0; c < classes; ++c) {
      const Logit logit = logit_of(double{output[c]}, from_logits);
      const double probability = math::exp(logit.value - largest) / sum;
      const double target = background + (c == label ? 1 - label_smoothing : 0);
      store(c, (probability - target) * logit.slope * gradient_scale);
    }
  return {math::log(sum) - target_logits, finite && larger + earlier_equal == 0, finite && larger < 5};
}

}  // namespace convoy::loss
