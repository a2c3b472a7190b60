#include <cmath>

#include "core/cuda/kernels/norms.h"
#include "core/cuda/launch.h"

namespace convoy::cuda {

namespace {

/// A block of threads a norm block; each thread has every eighth element.
struct SquaredNorms {
  static constexpr int kThreads = 8, kPhases = 2;
  struct Shared {
    double sums[kThreads];
  };
  double* norms;
  const NormBlock* blocks;
  const float* gradient;

  template <int kPhase>
  CONVOY_DEVICE void run(const Block<Shared>& at) const {
    const NormBlock block = blocks[at.block];
    if constexpr (kPhase == 0) {
      double sum = 0;
      for (std::int64_t i = block.begin + at.thread; i < block.end; i += kThreads) {
        const double value = static_cast<double>(gradient[i]);
        sum += value * value;
      }
      at.shared.sums[at.thread] = sum;
    } else if (at.thread == 0) {
      double sum = 0;
      for (int k = 0; k < kThreads; ++k) sum += at.shared.sums[k];
      norms[at.block] = sum;
    }
  }
};

struct ChooseGradientScale {
  StepState* state;
  const double* norms;
  const std::int64_t* order;
  std::int64_t count;
  double clipnorm;

  CONVOY_DEVICE void operator()(std::int64_t) const {
    double sum = 0;
    for (std::int64_t i = 0; i < count; ++i) sum += norms[order[i]];
    const double norm = std::sqrt(sum);
    state->gradient_scale = norm > clipnorm ? static_cast<float>(clipnorm / norm) : 1.0F;
  }
};

}  // namespace

void squared_norms(const Stream& stream, double* norms, const NormBlock* blocks, std::int64_t count,
                   const float* gradient) {
  launch_blocks(stream, count, SquaredNorms{norms, blocks, gradient});
}

void choose_gradient_scale(const Stream& stream, StepState* state, const double* norms,
                           const std::int64_t* order, std::int64_t count, double clipnorm) {
  launch(stream, 1, ChooseGradientScale{state, norms, order, count, clipnorm});
}

}  // namespace convoy::cuda
