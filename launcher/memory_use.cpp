#include "launcher/memory_use.h"

namespace convoy {

namespace {

/// Weights whose gradients are summed block by block, and so need no integers where the rank's sums become
/// floats at once.
std::size_t deferred_elements(const Network& network) {
  std::int64_t elements = 0;
  for (const Block& block : network.blocks())
    if (block.kernel->defers_weight_gradient()) elements += block.parameters.front().shape.elements();
  return static_cast<std::size_t>(elements);
}

std::size_t generation_bytes(const Model& model) {
  return static_cast<std::size_t>(model.parameter_elements + model.statistics_elements) * sizeof(float);
}

}  // namespace

MetricsEvent json_of(const MemoryUse& use) {
  return {{"weights", use.weights},
          {"moments", use.moments},
          {"sums", use.sums},
          {"activations", use.activations},
          {"packed_weights", use.packed}};
}

MemoryUse memory_of_training(const Network& network, std::size_t slots, std::size_t activations, int ranks,
                             GradientReducer::Mode mode) {
  const auto parameters = static_cast<std::size_t>(network.model().parameter_elements);
  const std::size_t own = parameters / static_cast<std::size_t>(ranks);
  const bool native = mode == GradientReducer::Mode::native;
  const std::size_t integers = parameters - (ranks == 1 || native ? deferred_elements(network) : 0);
  MemoryUse use;
  use.weights = 2 * generation_bytes(network.model());
  use.moments = 2 * slots * own * sizeof(float);
  use.sums = integers * sizeof(std::int64_t) + (native ? parameters : own) * sizeof(float);
  use.activations = activations;
  use.packed = network.packed_bytes();
  return use;
}

MemoryUse memory_of_evaluation(const Network& network, std::size_t activations) {
  MemoryUse use;
  use.weights = generation_bytes(network.model());
  use.activations = activations;
  use.packed = network.packed_bytes();
  return use;
}

}  // namespace convoy
