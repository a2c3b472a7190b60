#pragma once

#include <memory>
#include <string>
#include <typeindex>
#include <vector>

#include "core/config/type.h"
#include "core/error.h"

namespace convoy::config {

// "One mapping of one name to its parameters, or a bare name", where the possible names are known only to
// another folder: core/config reads `model.layers` without knowing a layer. The registry in layers/ passes a
// Catalog in:
//
//   struct Conv2dParameters {
//     std::int64_t filters = 0;
//     Size2d kernel_size;
//     Size2d strides{1, 1};
//     static void fields(Fields<Conv2dParameters>& f) {
//       f.required("filters", &Conv2dParameters::filters, "number of output channels", at_least(1));
//       f.required("kernel_size", &Conv2dParameters::kernel_size, "height and width of the window",
//       at_least(1)); f.optional("strides", &Conv2dParameters::strides, "step of the window", at_least(1));
//     }
//   };
//
//   config::Catalog catalog{.noun = "layer", .named = true};
//   catalog.entries = {config::described<Conv2dParameters>("conv2d", "slides kernels over an image"),
//                      config::described<FlattenParameters>("flatten", "lays an image out as a vector")};
//
//   for (const config::Choice& layer : experiment.model.layers)   // in the factory:
//     if (!layer.sound) …                                         // reported already, stop checking shapes
//     here const auto& parameters = layer.as<Conv2dParameters>(); diagnostics.error(layer.path, "a dense
//     layer cannot take [8, 8, 64]; add `- flatten` before it");

struct CatalogEntry {
  std::string name;
  std::string help;
  TypePtr parameters;  ///< a struct's description
  std::type_index type = typeid(void);
  std::shared_ptr<void> (*make)() = nullptr;  ///< parameters with their defaults
};

struct Catalog {
  std::string noun;    ///< "layer", for messages
  bool named = false;  ///< entries also take `name:`, inside the parameters or beside their key
  std::vector<CatalogEntry> entries;
};

/// An entry of a catalog with its parameters, as the config chose it. Copies share the parameters, which
/// never change.
struct Choice {
  std::string type;       ///< "conv2d"
  std::size_t index = 0;  ///< of the entry in its catalog
  std::string name;       ///< the entry's own `name:`, or empty
  std::string path;       ///< "model.layers[2].conv2d"; Diagnostics finds the location by it
  bool sound = false;     ///< false: errors were reported, the parameters are of no use
  std::shared_ptr<const void> parameters;
  std::type_index parameters_type = typeid(void);

  /// The parameters. Throws DefectError for another entry's type.
  template <class P>
  const P& as() const {
    require(parameters_type == typeid(P), "a config entry was read as another kind's");
    return *static_cast<const P*>(parameters.get());
  }
};

/// A choice made by code instead of a file (tests).
template <class P>
Choice choose(std::string type, P parameters, std::string name = "") {
  Choice choice;
  choice.type = std::move(type);
  choice.name = std::move(name);
  choice.sound = true;
  choice.parameters = std::make_shared<const P>(std::move(parameters));
  choice.parameters_type = typeid(P);
  return choice;
}

/// The catalogs of other folders that a config needs.
struct Catalogs {
  Catalog layers{.noun = "layer", .named = true, .entries = {}};
};

}  // namespace convoy::config
