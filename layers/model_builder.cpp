#include "layers/model_builder.h"

#include <algorithm>

#include "layers/layer_names.h"
#include "layers/registry.h"

namespace convoy {

namespace {

/// Extents beyond this are a slip, and what is computed from them stays countable below it.
constexpr std::int64_t kLargestExtent = 1 << 20;

bool is_possible_input(std::span<const std::int64_t> shape) {
  return (shape.size() == 1 || shape.size() == 3) &&
         std::all_of(shape.begin(), shape.end(),
                     [](std::int64_t extent) { return extent >= 1 && extent <= kLargestExtent; });
}

std::int64_t elements_from(const std::vector<ModelTensor>& tensors, std::size_t first) {
  std::int64_t sum = 0;
  for (std::size_t i = first; i < tensors.size(); ++i) sum += tensors[i].shape.elements();
  return sum;
}

/// A layer whose outputs do not depend on what comes before it, as long as that is a vector.
bool knows_its_output(const config::Choice& layer) { return layer.sound && layer.type == "dense"; }

/// Appends a layer to the model. False where nothing can be said of the layers behind it.
bool append_layer(Model& model, const LayerType& type, const config::Choice& choice, const std::string& name,
                  config::Diagnostics& diagnostics) {
  const auto report = [&](const std::string& key, std::string_view message) {
    const std::string which = name == choice.type ? "" : name + ": ";  // the path says the type
    diagnostics.error(key.empty() ? choice.path : choice.path + "." + key, which + std::string(message));
  };
  const std::size_t parameters = model.parameters.size(), statistics = model.statistics.size(),
                    ops = model.ops.size();
  Lowering to(model, name);
  bool lowered = false;
  try {
    type.lower(choice, to);
    lowered = true;
  } catch (const LayerProblem& problem) {
    to.report(problem);
  }
  for (const LayerProblem& problem : to.problems()) report(problem.key(), problem.what());
  if (!lowered) return false;

  LayerInfo info;
  info.name = name;
  info.type = choice.type;
  info.class_name = type.class_name;
  info.output = model.output = to.shape();
  info.trainable = elements_from(model.parameters, parameters);
  info.parameters = info.trainable + elements_from(model.statistics, statistics);
  for (std::size_t i = ops; i < model.ops.size(); ++i) info.flops += model.ops[i].flops();
  model.layers.push_back(std::move(info));
  return true;
}

}  // namespace

Model build_model(std::span<const std::int64_t> input_shape, std::span<const config::Choice> layers,
                  config::Diagnostics& diagnostics) {
  Model model;
  if (layers.empty() && !diagnostics.has_error_about("model.layers"))
    diagnostics.error("model.layers", "an empty list; add layers, as in - dense: {units: 10}");
  const std::vector<std::string> names = name_layers(layers, diagnostics);
  if (!is_possible_input(input_shape)) {
    if (!diagnostics.has_error_about("model.input_shape"))
      diagnostics.error(
          "model.input_shape",
          fmt::format("not the shape of an image; give [height, width, channels] with extents from 1 to {}",
                      kLargestExtent));
    return model;
  }
  const std::vector<LayerType> types = layer_types();
  model.input = model.output = Shape(input_shape);
  bool known = true;  // the shape
  for (std::size_t i = 0; i < layers.size(); ++i) {
    known = known && layers[i].sound;
    if (!known && knows_its_output(layers[i])) {
      model.layers.resize(i);  // what was passed over keeps its places
      model.output = Shape({1});
      known = true;
    }
    known = known && append_layer(model, types.at(layers[i].index), layers[i], names[i], diagnostics);
  }
  return model;
}

}  // namespace convoy
