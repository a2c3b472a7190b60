#pragma once

#include <cstdint>
#include <string>

namespace convoy {

// Why a step leaves the weights as they were, in the user's words.

std::string refusal_of_loss(double loss);
/// `layer`: whose gradient cannot be summed.
std::string refusal_of_gradient(const std::string& layer, std::int64_t slices);
std::string refusal_of_update();

}  // namespace convoy
