#include "layers/model_builder.h"

#include <map>
#include <set>

#include "layers/registry.h"

namespace convoy {

namespace {

/// Keras' names: a layer's kind, with _1, _2, … from the second of the kind on.
class LayerNames {
 public:
  std::string automatic(const std::string& base) {
    const int number = counts_[base]++;
    return number == 0 ? base : base + "_" + std::to_string(number);
  }
  /// False for a name that another layer has.
  bool take(const std::string& name) { return taken_.insert(name).second; }

 private:
  std::map<std::string, int> counts_;
  std::set<std::string> taken_;
};

LayerInfo info_of(const Model& model, const Model& before, const std::string& name, const std::string& type,
                  const Shape& output) {
  LayerInfo info{name, type, output, 0, 0, 0};
  for (std::size_t i = before.parameters.size(); i < model.parameters.size(); ++i)
    info.trainable += model.parameters[i].shape.elements();
  info.parameters = info.trainable;
  for (std::size_t i = before.statistics.size(); i < model.statistics.size(); ++i)
    info.parameters += model.statistics[i].shape.elements();
  for (std::size_t i = before.ops.size(); i < model.ops.size(); ++i) info.flops += model.ops[i].flops();
  return info;
}

}  // namespace

Model build_model(std::span<const std::int64_t> input_shape, std::span<const config::Choice> layers,
                  config::Diagnostics& diagnostics) {
  const std::vector<LayerType> types = layer_types();
  LayerNames names;
  Model model;
  model.input = model.output = Shape(input_shape);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const config::Choice& choice = layers[i];
    if (!choice.sound) return model;  // reported already; shapes behind it are unknown
    const LayerType& type = types.at(choice.index);
    const std::string automatic = names.automatic(type.default_name);
    const std::string name = choice.name.empty() ? automatic : choice.name;
    if (!names.take(name))
      diagnostics.error(choice.path, fmt::format("the name '{}' is taken by an earlier layer; choose another", name));
    const Model before = model;
    Lowering lowering(model, static_cast<int>(i), name, model.output);
    try {
      type.lower(choice, lowering);
    } catch (const LayerProblem& problem) {
      diagnostics.error(problem.key().empty() ? choice.path : choice.path + "." + problem.key(), problem.what());
      return model;
    } catch (const ConfigError& error) {
      diagnostics.error(choice.path, error.what());
      return model;
    }
    model.output = lowering.shape();
    model.layers.push_back(info_of(model, before, name, choice.type, model.output));
  }
  return model;
}

}  // namespace convoy
