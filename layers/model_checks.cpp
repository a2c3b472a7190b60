#include "layers/model_checks.h"

#include <fmt/format.h>

namespace convoy {

namespace {

/// "model.layers[8].dense"
std::string path_of_last(const Model& model) {
  return fmt::format("model.layers[{}].{}", model.layers.size() - 1, model.layers.back().type);
}

void check_input(const Model& model, const Shape& sample, config::Diagnostics& diagnostics) {
  if (model.input == sample) return;
  diagnostics.error("model.input_shape", fmt::format("the data's pictures are {}; use input_shape: {}",
                                                     sample.to_string(), sample.to_string()));
}

/// False where the output is no vector.
bool check_output(const Model& model, std::int64_t classes, config::Diagnostics& diagnostics) {
  const Shape& output = model.output;
  if (output.rank() != 1) {
    diagnostics.error(
        path_of_last(model),
        fmt::format("the stack ends in {}, but the loss takes one number a class; end it with `- flatten` "
                    "and `- dense: {{units: {}}}`",
                    output.to_string(), classes));
    return false;
  }
  if (output[0] < classes)
    diagnostics.error(path_of_last(model), fmt::format("{} outputs for {} classes; the last layer needs {}",
                                                       output[0], classes, classes));
  return true;
}

/// What the last op applies to the outputs.
ActivationKind last_activation(const Model& model) {
  if (model.ops.empty()) return ActivationKind::linear;
  const auto* op = std::get_if<ActivationOp>(&model.ops.back().kind);
  return op ? op->activation.kind : ActivationKind::linear;
}

void warn_of_activation(const Model& model, bool from_logits, std::vector<std::string>& warnings) {
  const std::string path = path_of_last(model);
  const ActivationKind last = last_activation(model);
  if (from_logits && last == ActivationKind::softmax) {
    warnings.push_back(
        path + ": a softmax, but the loss has from_logits: true and applies its own; remove one of the two");
  } else if (!from_logits && last != ActivationKind::softmax) {
    warnings.push_back(
        path +
        ": no softmax, but the loss has from_logits: false and takes probabilities; set from_logits: true");
  } else if (from_logits && last == ActivationKind::relu) {
    warnings.push_back(path + ": a relu before the loss keeps logits from falling below 0; remove it");
  }
}

void warn_of_scale(const config::Data& data, std::vector<std::string>& warnings) {
  if (data.scale == 1 && !data.mean && !data.std)
    warnings.emplace_back("data.scale: pixels from 0 to 255 go into the model as they are; set scale: 1/255");
}

}  // namespace

std::vector<std::string> check_model(const Model& model, const config::Experiment& experiment,
                                     const Shape& sample, std::int64_t classes,
                                     config::Diagnostics& diagnostics) {
  std::vector<std::string> warnings;
  warn_of_scale(experiment.data, warnings);
  check_input(model, sample, diagnostics);
  if (model.layers.empty()) return warnings;
  if (model.parameters.empty())
    diagnostics.error("model.layers",
                      "no layer has anything to train; add one that has, such as - dense: {units: 10}");
  if (!check_output(model, classes, diagnostics)) return warnings;
  if (model.output[0] > classes)
    warnings.push_back(fmt::format("{}: {} outputs for {} classes; {} of them are never right",
                                   path_of_last(model), model.output[0], classes, model.output[0] - classes));
  const auto& loss = std::get<config::SparseCategoricalCrossentropy>(experiment.loss);
  warn_of_activation(model, loss.from_logits, warnings);
  return warnings;
}

}  // namespace convoy
