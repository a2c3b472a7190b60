#include "core/cuda/bfloat16.h"
#include "core/cuda/kernels/loss.h"
#include "core/cuda/launch.h"
#include "core/loss_of_sample.h"

namespace convoy::cuda {

namespace {

/// One block of threads: each has some samples, and the first then adds all up.
template <class T>
struct CrossEntropy {
  static constexpr int kThreads = 64, kPhases = 2;
  struct Shared {
    char nothing;
  };
  DeviceLossArgs a;
  bool from_logits;
  double label_smoothing;

  template <int kPhase>
  CONVOY_DEVICE void run(const Block<Shared>& at) const {
    if constexpr (kPhase == 0) {
      for (std::int64_t n = at.thread; n < a.samples; n += kThreads) {
        T* gradient = static_cast<T*>(a.gradient) + n * a.classes;
        const loss::SampleLoss sample =
            loss::sample_loss(static_cast<const T*>(a.output) + n * a.classes, a.classes, a.labels[n],
                              from_logits, label_smoothing, a.gradient_scale, Store{gradient});
        a.of_samples[n] = {sample.loss, sample.correct ? 1.0 : 0.0, sample.top5 ? 1.0 : 0.0};
      }
    } else if (at.thread == 0) {
      double loss = 0, correct = 0, top5 = 0;
      for (std::int64_t n = 0; n < a.samples; ++n) {
        loss += a.of_samples[n].loss;
        correct += a.of_samples[n].correct;
        top5 += a.of_samples[n].top5;
      }
      *a.sums = {loss, correct, top5};
    }
  }

  struct Store {
    T* gradient;
    CONVOY_DEVICE void operator()(std::int64_t c, double value) const {
      gradient[c] = static_cast<T>(static_cast<float>(value));
    }
  };
};

}  // namespace

void sparse_categorical_crossentropy(const Stream& stream, const SparseCategoricalCrossentropy& loss,
                                     const DeviceLossArgs& args, Storage storage) {
  if (storage == Storage::bfloat16)
    launch_blocks(stream, 1, CrossEntropy<BFloat16>{args, loss.from_logits, loss.label_smoothing});
  else
    launch_blocks(stream, 1, CrossEntropy<float>{args, loss.from_logits, loss.label_smoothing});
}

}  // namespace convoy::cuda
