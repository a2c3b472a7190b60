#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/config/fields.h"
#include "core/config/node.h"
#include "core/error.h"
#include "layers/model_builder.h"
#include "layers/registry.h"

namespace convoy::testing {

/// The `model:` part of a config.
struct ModelPart {
  std::vector<std::int64_t> input_shape;
  std::vector<config::Choice> layers;
  static void fields(config::Fields<ModelPart>& f) {
    f.required("input_shape", &ModelPart::input_shape, "[height, width, channels]");
    f.required("layers", &ModelPart::layers, "the stack");
  }
};

struct ModelDocument {
  ModelPart model;
  static void fields(config::Fields<ModelDocument>& f) {
    f.required("model", &ModelDocument::model, "the model");
  }
};

struct BuiltModel {
  std::optional<Model> model;  ///< none if there are errors
  std::string errors;          ///< one line each, "model.yaml:LINE:COLUMN: …"
};

/// A model from its part of a config, `{input_shape: [...], layers: [...]}`.
inline BuiltModel build_from_yaml(const std::string& text) {
  auto document = std::make_shared<config::Node>(config::Node::mapping());
  document->add("model", config::parse_yaml(text, "model.yaml"));
  config::Diagnostics diagnostics(document);
  config::Catalogs catalogs;
  catalogs.layers = layer_catalog();
  ModelDocument read;
  config::describe<ModelDocument>(catalogs)->read({*document, "", diagnostics}, &read);
  Model model = build_model(read.model.input_shape, read.model.layers, diagnostics);
  BuiltModel built{std::nullopt, diagnostics.text()};
  if (built.errors.empty()) built.model = std::move(model);
  return built;
}

/// The same. Throws ConfigError with all errors.
inline Model model_from_yaml(const std::string& text) {
  BuiltModel built = build_from_yaml(text);
  if (!built.model) throw ConfigError("{}", built.errors);
  return *std::move(built.model);
}

}  // namespace convoy::testing
