#include <cmath>

#include "core/cuda/kernels/optimizer.h"
#include "core/cuda/launch.h"

namespace convoy::cuda {

namespace {

CONVOY_DEVICE inline bool is_finite(float value) { return value - value == 0; }

struct Adam {
  UpdateArgs a;
  float beta_1_complement, beta_2_complement, epsilon;

  CONVOY_DEVICE void operator()(std::int64_t i) const {
    const float g = a.gradient[i] * a.state->gradient_scale;
    const float m = a.slots[0][i] + (g - a.slots[0][i]) * beta_1_complement;
    const float v = a.slots[1][i] + (g * g - a.slots[1][i]) * beta_2_complement;
    const float w = a.weights[i] - a.weights[i] * a.step->decay;
    const float updated = w - m * a.step->alpha / (std::sqrt(v) + epsilon);
    a.new_slots[0][i] = m;
    a.new_slots[1][i] = v;
    a.new_weights[i] = updated;
    if (!is_finite(updated)) atomic_max(&a.state->bad_weights, 1);
  }
};

struct Sgd {
  UpdateArgs a;
  float momentum;
  bool nesterov;

  CONVOY_DEVICE void operator()(std::int64_t i) const {
    const float step = a.gradient[i] * a.state->gradient_scale * a.step->learning_rate;
    float updated;
    if (a.slots[0]) {
      const float v = momentum * a.slots[0][i] - step;
      updated = a.weights[i] + (nesterov ? momentum * v - step : v);
      a.new_slots[0][i] = v;
    } else {
      updated = a.weights[i] - step;
    }
    a.new_weights[i] = updated;
    if (!is_finite(updated)) atomic_max(&a.state->bad_weights, 1);
  }
};

struct Commit {
  const StepState* state;
  float* to;
  const float* from;

  CONVOY_DEVICE void operator()(std::int64_t i) const {
    if (!state->refused) to[i] = from[i];
  }
};

struct RequireFinite {
  StepState* state;
  const float* values;

  CONVOY_DEVICE void operator()(std::int64_t i) const {
    if (!is_finite(values[i])) atomic_max(&state->bad_weights, 1);
  }
};

}  // namespace

void update_adam(const Stream& stream, const UpdateArgs& args, float beta_1_complement,
                 float beta_2_complement, float epsilon) {
  launch(stream, args.n, Adam{args, beta_1_complement, beta_2_complement, epsilon});
}

void update_sgd(const Stream& stream, const UpdateArgs& args, float momentum, bool nesterov) {
  launch(stream, args.n, Sgd{args, momentum, nesterov});
}

void commit(const Stream& stream, const StepState* state, float* to, const float* from, std::int64_t n) {
  launch(stream, n, Commit{state, to, from});
}

void require_finite(const Stream& stream, StepState* state, const float* values, std::int64_t n) {
  launch(stream, n, RequireFinite{state, values});
}

}  // namespace convoy::cuda
