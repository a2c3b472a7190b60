#include "layers/model.h"

namespace convoy {

void initialize(const Model& model, std::uint64_t seed, std::span<float> parameters,
                std::span<float> statistics) {
  std::uint32_t number = 0;
  const auto fill = [&](const std::vector<ModelTensor>& tensors, std::span<float> arena) {
    for (const ModelTensor& tensor : tensors) {
      const std::uint32_t mine = number++;
      if (arena.empty()) continue;
      initialize(tensor.initializer, tensor.shape, seed, mine,
                 arena.subspan(static_cast<std::size_t>(tensor.offset),
                               static_cast<std::size_t>(tensor.shape.elements())));
    }
  };
  fill(model.parameters, parameters);
  fill(model.statistics, statistics);
}

}  // namespace convoy
