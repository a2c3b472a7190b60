#include "core/loss.h"

#include <algorithm>
#include <cmath>

#include "core/math.h"

namespace convoy {

namespace {

constexpr double kEpsilon = 1e-7;

/// The logit that an output stands for, and its slope.
struct Logit {
  double value;
  double slope;
};

Logit logit_of(double output, bool from_logits) {
  if (from_logits) return {output, 1};
  const double clipped = std::clamp(output, kEpsilon, 1 - kEpsilon);
  return {math::log(clipped), clipped == output ? 1 / output : (output == output ? 0.0 : output)};
}

template <class T>
void count(const T* output, std::int64_t classes, std::int32_t label, LossSums& sums) {
  std::int64_t larger = 0, earlier_equal = 0;
  bool finite = std::isfinite(output[label]);
  for (std::int64_t c = 0; c < classes; ++c) {
    larger += output[c] > output[label];
    earlier_equal += c < label && output[c] == output[label];
    finite = finite && std::isfinite(output[c]);
  }
  sums.correct += finite && larger + earlier_equal == 0;
  sums.top5 += finite && larger < 5;
}

}  // namespace

template <class T>
LossSums SparseCategoricalCrossentropy::operator()(const LossArgs<T>& args) const {
  LossSums sums;
  const double background = label_smoothing / static_cast<double>(args.classes);
  for (std::int64_t n = 0; n < args.samples; ++n) {
    const T* output = args.output + n * args.classes;
    const std::int32_t label = args.labels[n];
    double largest = logit_of(double{output[0]}, from_logits).value;
    for (std::int64_t c = 1; c < args.classes; ++c)
      largest = std::max(largest, logit_of(double{output[c]}, from_logits).value);
    double sum = 0, target_logits = 0;
    for (std::int64_t c = 0; c < args.classes; ++c) {
      const double logit = logit_of(double{output[c]}, from_logits).value - largest;
      sum += math::exp(logit);
      target_logits += (background + (c == label ? 1 - label_smoothing : 0)) * logit;
    }
    sums.loss += math::log(sum) - target_logits;
    count(output, args.classes, label, sums);
    if (!args.gradient) continue;
    for (std::int64_t c = 0; c < args.classes; ++c) {
      const Logit logit = logit_of(double{output[c]}, from_logits);
      const double probability = math::exp(logit.value - largest) / sum;
      const double target = background + (c == label ? 1 - label_smoothing : 0);
      args.gradient[n * args.classes + c] =
          static_cast<T>((probability - target) * logit.slope * args.gradient_scale);
    }
  }
  return sums;
}

template LossSums SparseCategoricalCrossentropy::operator()(const LossArgs<float>&) const;
template LossSums SparseCategoricalCrossentropy::operator()(const LossArgs<double>&) const;

}  // namespace convoy
