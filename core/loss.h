#pragma once

#include <cstdint>
#include <limits>

namespace convoy {

/// What a loss is computed from: one slice.
template <class T>
struct LossArgs {
  std::int64_t samples = 0;
  std::int64_t classes = 0;
  const T* output = nullptr;             ///< the network's, [samples, classes]
  const std::int32_t* labels = nullptr;  ///< [samples]
  double gradient_scale = 0;             ///< 1 / n of the global batch
  T* gradient = nullptr;  ///< [samples, classes]: of the scaled sum of losses; null where not wanted
};

/// Sums over a slice's samples.
struct LossSums {
  double loss = 0;
  double correct =
      0;  ///< samples whose label has the largest output, of equal ones the first (as Keras' accuracy)
  double top5 = 0;  ///< samples with fewer than five outputs larger than the label's, all finite (as
                    ///< TensorFlow's in_top_k)
};

/// Cross-entropy of class indices, as Keras' SparseCategoricalCrossentropy on the TensorFlow backend. With
/// `from_logits` false the outputs are probabilities: clipped to [1e-7, 1 - 1e-7], their logarithms are taken
/// as logits. With label smoothing s the target is 1 - s + s / classes at the label, s / classes elsewhere.
/// Computed in double.
struct SparseCategoricalCrossentropy {
  bool from_logits = true;
  double label_smoothing = 0;

  template <class T>
  LossSums operator()(const LossArgs<T>& args) const;
};

}  // namespace convoy
