#include "core/optim/optimizer.h"

#include <cmath>

namespace convoy {

namespace {

class Adam : public Optimizer {
 public:
  Adam(const AdamOptions& options, const simd::Table& loops) : options_(options), loops_(loops) {}

  std::vector<std::string> slot_names() const override { return {"momentum", "velocity"}; }

  bool update(const UpdateStep& step, const UpdateRange& range) const override {
    simd::AdamArgs args;
    args.n = range.weights.size();
    args.gradient_scale = step.gradient_scale;
    args.alpha = adam_alpha(options_, step.learning_rate, step.number);
    args.one_minus_beta_1 = static_cast<float>(1 - options_.beta_1);
    args.one_minus_beta_2 = static_cast<float>(1 - options_.beta_2);
    args.epsilon = static_cast<float>(options_.epsilon);
    args.decay = static_cast<float>(step.learning_rate * options_.weight_decay);
    args.gradient = range.gradient.data();
    args.weights = range.weights.data();
    args.momentum = range.slots[0].data();
    args.velocity = range.slots[1].data();
    args.new_weights = range.new_weights.data();
    args.new_momentum = range.new_slots[0].data();
    args.new_velocity = range.new_slots[1].data();
    return loops_.adam(args);
  }

 private:
  AdamOptions options_;
  const simd::Table& loops_;
};

class Sgd : public Optimizer {
 public:
  Sgd(const SgdOptions& options, const simd::Table& loops) : options_(options), loops_(loops) {}

  std::vector<std::string> slot_names() const override {
    if (options_.momentum == 0) return {};
    return {"momentum"};
  }

  bool update(const UpdateStep& step, const UpdateRange& range) const override {
    simd::SgdArgs args;
    args.n = range.weights.size();
    args.gradient_scale = step.gradient_scale;
    args.learning_rate = static_cast<float>(step.learning_rate);
    args.momentum = static_cast<float>(options_.momentum);
    args.nesterov = options_.nesterov;
    args.gradient = range.gradient.data();
    args.weights = range.weights.data();
    args.new_weights = range.new_weights.data();
    if (!range.slots.empty()) {
      args.velocity = range.slots[0].data();
      args.new_velocity = range.new_slots[0].data();
    }
    return loops_.sgd(args);
  }

 private:
  SgdOptions options_;
  const simd::Table& loops_;
};

}  // namespace

float adam_alpha(const AdamOptions& options, double learning_rate, std::int64_t number) {
  // Keras takes the powers of betas rounded to float: 1 - 0.999 is 1.3e-5 smaller so, which would show.
  const auto complement = [&](double beta) {
    return 1 - integer_power(static_cast<double>(static_cast<float>(beta)), number);
  };
  const double first = complement(options.beta_1), second = complement(options.beta_2);
  return static_cast<float>(learning_rate * std::sqrt(second) / first);
}

std::unique_ptr<Optimizer> make_adam(const AdamOptions& options, const simd::Table& loops) {
  return std::make_unique<Adam>(options, loops);
}
std::unique_ptr<Optimizer> make_sgd(const SgdOptions& options, const simd::Table& loops) {
  return std::make_unique<Sgd>(options, loops);
}

float clip_scale(double squared_norm, double clipnorm) {
  const double norm = std::sqrt(squared_norm);
  return norm > clipnorm ? static_cast<float>(clipnorm / norm) : 1.0F;
}

double integer_power(double base, std::int64_t exponent) {
  double power = 1;
  for (; exponent > 0; exponent /= 2, base *= base)
    if (exponent % 2 == 1) power *= base;
  return power;
}

}  // namespace convoy
