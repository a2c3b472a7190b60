#include "core/config/optimizer_config.h"

#include <fmt/format.h>

namespace convoy::config {
namespace {

template <class T>
void add_base(Fields<T>& f) {
  f.optional("learning_rate", &T::learning_rate, "step size, or how it changes", at_least(0));
  f.optional("warmup_steps", &T::warmup_steps, "steps of linear warm-up in front of the schedule",
             at_least(0));
  f.optional("global_clipnorm", &T::global_clipnorm,
             "scales all gradients down to this common norm if it is larger", above(0));
}

template <class T>
void add_adam(Fields<T>& f) {
  add_base(f);
  f.optional("beta_1", &T::beta_1, "decay of the first moment", at_least(0).below(1));
  f.optional("beta_2", &T::beta_2, "decay of the second moment", at_least(0).below(1));
  f.optional("epsilon", &T::epsilon, "added to the root of the second moment", at_least(0));
}

std::int64_t schedule_warmup(const OptimizerBase& optimizer) {
  if (const auto* cosine = std::get_if<CosineDecay>(&optimizer.learning_rate)) return cosine->warmup_steps;
  if (const auto* piecewise = std::get_if<PiecewiseConstantDecay>(&optimizer.learning_rate))
    return piecewise->warmup_steps;
  return 0;
}

void check_base(const OptimizerBase& self, const Place& place) {
  if (self.warmup_steps > 0 && schedule_warmup(self) > 0) {
    place.error("warmup_steps", "given here and in the learning rate's schedule; keep one of them");
  }
}

}  // namespace

void CosineDecay::fields(Fields<CosineDecay>& f) {
  f.required("initial_learning_rate", &CosineDecay::initial_learning_rate, "rate at the start", at_least(0));
  f.optional("decay_steps", &CosineDecay::decay_steps,
             "steps until the end of the decay; auto: all steps of the run", at_least(1));
  f.optional("alpha", &CosineDecay::alpha, "rate at the end, as a part of the one at the start",
             between(0, 1));
  f.optional("warmup_target", &CosineDecay::warmup_target,
             "the warm-up rises from initial_learning_rate to this; none: from zero to initial_learning_rate",
             above(0));
  f.optional("warmup_steps", &CosineDecay::warmup_steps, "steps of linear warm-up before the decay",
             at_least(0));
}

void CosineDecay::check(const CosineDecay& self, const Place& place) {
  if (self.warmup_target && self.warmup_steps == 0) {
    place.error("warmup_target", "needs warmup_steps beside it; add warmup_steps or remove warmup_target");
  }
}

void PiecewiseConstantDecay::fields(Fields<PiecewiseConstantDecay>& f) {
  f.required("boundaries", &PiecewiseConstantDecay::boundaries, "last step of each rate but the last one",
             at_least(0).items(1));
  f.required("values", &PiecewiseConstantDecay::values, "the rates, one more than boundaries",
             at_least(0).items(2));
  f.optional("warmup_steps", &PiecewiseConstantDecay::warmup_steps,
             "steps of linear warm-up before the first rate", at_least(0));
}

void PiecewiseConstantDecay::check(const PiecewiseConstantDecay& self, const Place& place) {
  const std::size_t wanted = self.boundaries.size() + 1;
  if (self.values.size() != wanted) {
    place.error("values", fmt::format("{} values for {} boundaries; give {}", self.values.size(),
                                      self.boundaries.size(), wanted));
  }
  for (std::size_t i = 1; i < self.boundaries.size(); ++i) {
    if (self.boundaries[i] > self.boundaries[i - 1]) continue;
    place.error("boundaries", fmt::format("{} after {}; give the steps in ascending order",
                                          self.boundaries[i], self.boundaries[i - 1]));
    return;
  }
}

void Sgd::fields(Fields<Sgd>& f) {
  add_base(f);
  f.optional("momentum", &Sgd::momentum, "how much of the last step is kept", between(0, 1));
  f.optional("nesterov", &Sgd::nesterov, "look ahead along the momentum");
}

void Sgd::check(const Sgd& self, const Place& place) {
  check_base(self, place);
  if (self.nesterov && self.momentum == 0)
    place.error("nesterov", "has no effect without momentum; set momentum above 0");
}

void Adam::fields(Fields<Adam>& f) { add_adam(f); }
void Adam::check(const Adam& self, const Place& place) { check_base(self, place); }

void AdamW::fields(Fields<AdamW>& f) {
  add_adam(f);
  f.optional("weight_decay", &AdamW::weight_decay, "part of every weight that a step of rate 1 takes away",
             at_least(0));
}
void AdamW::check(const AdamW& self, const Place& place) { check_base(self, place); }

std::int64_t warmup_steps_of(const OptimizerBase& optimizer) {
  return optimizer.warmup_steps > 0 ? optimizer.warmup_steps : schedule_warmup(optimizer);
}

}  // namespace convoy::config
