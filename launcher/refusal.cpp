#include "launcher/refusal.h"

#include <fmt/format.h>

namespace convoy {

std::string refusal_of_loss(double loss) { return fmt::format("the loss is {}", loss); }

std::string refusal_of_gradient(const std::string& layer, std::int64_t slices) {
  return fmt::format(
      "the gradient of layer '{}' is not finite, or too large to be summed exactly (a slice's "
      "elements must stay below 2^19 / {} slices)",
      layer, slices);
}

std::string refusal_of_update() {
  return "the update makes weights or moving statistics that are not finite";
}

}  // namespace convoy
