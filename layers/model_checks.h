#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/config/experiment.h"
#include "layers/model.h"

namespace convoy {

/// The rules between a model, its data and its loss. What cannot work is reported to `diagnostics`: another
/// input than the data's pictures, an output that is no vector of at least one number a class, nothing to
/// train. What can, but hardly is meant, is returned as warnings, "key.path: what; what to do": a last
/// softmax with from_logits: true, none with false, a relu before the loss, more outputs than classes, pixels
/// left unscaled. `sample` is the shape of the data's pictures, [H, W, C].
std::vector<std::string> check_model(const Model& model, const config::Experiment& experiment,
                                     const Shape& sample, std::int64_t classes,
                                     config::Diagnostics& diagnostics);

}  // namespace convoy
