#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "core/config/fields.h"

namespace convoy::config {

// The key `optimizer`, with Keras' names and defaults. Member names are the keys.

/// keras.optimizers.schedules.CosineDecay. `decay_steps: auto` is all steps of the run behind the warm-up.
/// With `warmup_target`, the warm-up rises from initial_learning_rate to it and the decay starts there;
/// without, it rises to initial_learning_rate.
struct CosineDecay {
  static constexpr std::string_view kName = "cosine_decay";
  static constexpr std::string_view kHelp = "falls along half a cosine";
  double initial_learning_rate = 0;
  Auto<std::int64_t> decay_steps;
  double alpha = 0;
  std::optional<double> warmup_target;
  std::int64_t warmup_steps = 0;
  static void fields(Fields<CosineDecay>& f);
  static void check(const CosineDecay& self, const Place& place);
};

/// keras.optimizers.schedules.PiecewiseConstantDecay: values[i] up to and including step boundaries[i].
struct PiecewiseConstantDecay {
  static constexpr std::string_view kName = "piecewise_constant_decay";
  static constexpr std::string_view kHelp = "changes at given steps";
  std::vector<std::int64_t> boundaries;
  std::vector<double> values;
  std::int64_t warmup_steps = 0;
  static void fields(Fields<PiecewiseConstantDecay>& f);
  static void check(const PiecewiseConstantDecay& self, const Place& place);
};

/// What every optimizer has.
struct OptimizerBase {
  std::variant<double, CosineDecay, PiecewiseConstantDecay> learning_rate = 0.001;
  std::int64_t warmup_steps = 0;  ///< may stand in the schedule instead; see warmup_steps_of
  std::optional<double> global_clipnorm;
};

struct Sgd : OptimizerBase {
  static constexpr std::string_view kName = "sgd";
  static constexpr std::string_view kHelp = "stochastic gradient descent, with momentum if wanted";
  Sgd() { learning_rate = 0.01; }
  double momentum = 0;
  bool nesterov = false;
  static void fields(Fields<Sgd>& f);
  static void check(const Sgd& self, const Place& place);
};

struct Adam : OptimizerBase {
  static constexpr std::string_view kName = "adam";
  static constexpr std::string_view kHelp = "adaptive moments (Kingma and Ba 2014)";
  double beta_1 = 0.9;
  double beta_2 = 0.999;
  double epsilon = 1e-7;
  static void fields(Fields<Adam>& f);
  static void check(const Adam& self, const Place& place);
};

struct AdamW : OptimizerBase {
  static constexpr std::string_view kName = "adamw";
  static constexpr std::string_view kHelp = "Adam with decoupled weight decay (Loshchilov and Hutter 2019)";
  double beta_1 = 0.9;
  double beta_2 = 0.999;
  double epsilon = 1e-7;
  double weight_decay = 0.004;
  static void fields(Fields<AdamW>& f);
  static void check(const AdamW& self, const Place& place);
};

using Optimizer = std::variant<Adam, AdamW, Sgd>;

inline const OptimizerBase& base_of(const Optimizer& optimizer) {
  return std::visit([](const OptimizerBase& base) -> const OptimizerBase& { return base; }, optimizer);
}

/// Steps of linear warm-up in front of the schedule, wherever the config gives them; 0: none.
std::int64_t warmup_steps_of(const OptimizerBase& optimizer);

}  // namespace convoy::config
