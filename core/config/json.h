#pragma once

#include <nlohmann/json.hpp>

#include "core/config/type.h"

namespace convoy::config {

/// The node as JSON: unquoted true, false and numbers as such, every other scalar as a string.
Json to_json(const Node& node);

/// {"anyOf": […]}, flattened where an alternative is itself one.
Json any_of(std::vector<Json> alternatives);

}  // namespace convoy::config
