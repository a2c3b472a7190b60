#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "layers/model.h"

namespace convoy {

/// What a model costs, from its shapes alone.
struct ModelCost {
  std::int64_t parameters = 0;  ///< trainable and not
  std::int64_t trainable = 0;
  double flops = 0;  ///< forward, one sample; training takes about three times that
  /// One sample's input and the outputs of all ops, which training keeps for the backward pass. An upper
  /// bound: a fused block keeps only its last op's output.
  std::int64_t activation_bytes = 0;
};
ModelCost cost_of(const Model& model);

/// The table that Keras' model.summary() prints 80 columns wide, character by character, and below its three
/// lines of parameter counts one of operations and one of memory.
std::string summary_text(const Model& model, std::string_view name);

/// "1.36 MB", as Keras writes it.
std::string readable_bytes(std::int64_t bytes);

/// {"name", "layers": [{"name", "type", "output_shape" (without the batch axis), "parameters",
/// "trainable_parameters", "flops"}], "total_parameters", "trainable_parameters", "flops_per_sample",
/// "activation_bytes_per_sample"}
nlohmann::ordered_json summary_json(const Model& model, std::string_view name);

}  // namespace convoy
