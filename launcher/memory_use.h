#pragma once

#include <cstddef>

#include "comm/gradient_reducer.h"
#include "launcher/metrics_writer.h"
#include "layers/network.h"

namespace convoy {

/// Bytes of a rank's memory that training fills, by what they are for. Data that is mapped from files is not
/// counted, nor are messages on their way, the program and its libraries.
struct MemoryUse {
  std::size_t weights = 0;      ///< and statistics: the current generation and the next
  std::size_t moments = 0;      ///< of the optimizer, likewise: the rank's part
  std::size_t sums = 0;         ///< of gradients, as integers and as floats
  std::size_t activations = 0;  ///< those of the slices at work, their gradients, and workspaces
  std::size_t packed = 0;       ///< weights as the kernels want them

  std::size_t total() const { return weights + moments + sums + activations + packed; }
};

/// {"weights", "moments", "sums", "activations", "packed_weights"}, in bytes.
MetricsEvent json_of(const MemoryUse& use);

/// `slots`: the optimizer's moments. `activations`: Executor::memory_bytes().
MemoryUse memory_of_training(const Network& network, std::size_t slots, std::size_t activations, int ranks,
                             GradientReducer::Mode mode);
/// The same of evaluation; `activations`: Evaluator::memory_bytes().
MemoryUse memory_of_evaluation(const Network& network, std::size_t activations);

}  // namespace convoy
