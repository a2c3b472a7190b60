#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/config/fields.h"
#include "layers/model_builder.h"
#include "layers/registry.h"

namespace convoy::testing {

/// A model from its part of a config: `{input_shape: [...], layers: [...]}`. Throws ConfigError with all errors.
inline Model model_from_yaml(const std::string& text) {
  struct Part {
    std::vector<std::int64_t> input_shape;
    std::vector<config::Choice> layers;
    static void fields(config::Fields<Part>& f) {
      f.required("input_shape", &Part::input_shape, "[height, width, channels]");
      f.required("layers", &Part::layers, "the stack");
    }
  };
  const auto document = std::make_shared<const config::Node>(config::parse_yaml(text, "model.yaml"));
  config::Diagnostics diagnostics(document);
  config::Catalogs catalogs;
  catalogs.layers = layer_catalog();
  Part part;
  config::describe<Part>(catalogs)->read({*document, "", diagnostics}, &part);
  Model model = build_model(part.input_shape, part.layers, diagnostics);
  diagnostics.throw_if_any();
  return model;
}

}  // namespace convoy::testing
