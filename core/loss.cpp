#include "core/loss.h"

#include "core/loss_of_sample.h"

namespace convoy {

template <class T>
LossSums SparseCategoricalCrossentropy::operator()(const LossArgs<T>& args) const {
  LossSums sums;
  for (std::int64_t n = 0; n < args.samples; ++n) {
    const T* output = args.output + n * args.classes;
    T* gradient = args.gradient + (args.gradient ? n * args.classes : 0);
    const loss::SampleLoss sample =
        loss::sample_loss(output, args.classes, args.labels[n], from_logits, label_smoothing,
                          args.gradient ? args.gradient_scale : 0,
                          [&](std::int64_t c, double value) { gradient[c] = static_cast<T>(value); });
    sums.loss += sample.loss;
    sums.correct += sample.correct;
    sums.top5 += sample.top5;
  }
  return sums;
}

template LossSums SparseCategoricalCrossentropy::operator()(const LossArgs<float>&) const;
template LossSums SparseCategoricalCrossentropy::operator()(const LossArgs<double>&) const;

}  // namespace convoy
