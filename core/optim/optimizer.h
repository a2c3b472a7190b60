#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/cpu/simd/table.h"

namespace convoy {

/// One update of a contiguous range of the parameter arena: reads generation A, writes generation B. All
/// spans have the range's size; those of B may be those of A.
struct UpdateRange {
  std::span<const float> gradient;
  std::span<const float> weights;
  std::span<float> new_weights;
  std::vector<std::span<const float>> slots;  ///< one a slot of the optimizer
  std::vector<std::span<float>> new_slots;
};

/// What one step has in common for all ranges.
struct UpdateStep {
  std::int64_t number = 1;  ///< 1 for the first update
  double learning_rate = 0;
  float gradient_scale = 1;  ///< of clipping
};

/// An update rule, element by element: ranges may be updated in any grouping and on any rank. The formulas,
/// defaults and the place of epsilon are Keras'.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  /// Names of the moments that it keeps for each parameter: "momentum", "velocity".
  virtual std::vector<std::string> slot_names() const = 0;
  /// False if a new weight is infinite or NaN.
  virtual bool update(const UpdateStep& step, const UpdateRange& range) const = 0;
};

/// Kingma and Ba (2014) as Keras computes it: w -= lr * sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) +
/// epsilon), the powers of betas rounded to float. With `weight_decay`, AdamW (Loshchilov and Hutter 2019):
/// first w -= lr * weight_decay * w, of every parameter.
struct AdamOptions {
  double beta_1 = 0.9;
  double beta_2 = 0.999;
  double epsilon = 1e-7;
  double weight_decay = 0;
};
/// What a step multiplies m / (sqrt(v) + epsilon) with; `number`: as UpdateStep::number.
float adam_alpha(const AdamOptions& options, double learning_rate, std::int64_t number);
std::unique_ptr<Optimizer> make_adam(const AdamOptions& options, const simd::Table& loops);

/// With momentum, velocity = momentum * velocity - lr * g, and w += velocity, or with Nesterov's look-ahead
/// w += momentum * velocity - lr * g.
struct SgdOptions {
  double momentum = 0;
  bool nesterov = false;
};
std::unique_ptr<Optimizer> make_sgd(const SgdOptions& options, const simd::Table& loops);

/// What every gradient is multiplied with so that their global norm does not exceed `clipnorm`.
float clip_scale(double squared_norm, double clipnorm);

/// base^exponent by repeated squaring: the same bits everywhere.
double integer_power(double base, std::int64_t exponent);

}  // namespace convoy
