#pragma once

#include <cstdint>
#include <span>

#include "core/config/catalog.h"
#include "core/config/diagnostics.h"
#include "layers/model.h"

namespace convoy {

/// Infers shapes through the stack and lowers it to ops. Every layer that does not fit is reported to
/// `diagnostics` at its place; the model is complete only if that stays empty. Behind a layer whose output is
/// not known it goes on with the next dense one, so that `output` is right wherever `layers` has all.
/// `layers` are choices from layer_catalog().
Model build_model(std::span<const std::int64_t> input_shape, std::span<const config::Choice> layers,
                  config::Diagnostics& diagnostics);

}  // namespace convoy
