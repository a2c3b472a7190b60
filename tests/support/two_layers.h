#pragma once

#include <cstdint>

#include "core/config/experiment.h"

namespace convoy::config {

// A catalog of two layers, for tests of the config alone.

struct Dense {
  std::int64_t units = 0;
  static void fields(Fields<Dense>& f) {
    f.required("units", &Dense::units, "number of outputs", at_least(1));
  }
};
struct Flatten {
  static void fields(Fields<Flatten>&) {}
};

inline Catalogs catalogs() {
  Catalogs result;
  result.layers.entries = {described<Dense>("dense", "all to all"),
                           described<Flatten>("flatten", "lays out")};
  return result;
}

}  // namespace convoy::config
