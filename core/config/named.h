#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/config/type.h"

namespace convoy::config {

/// What read_named looks for.
struct NamedRequest {
  std::string noun;                              ///< "layer"
  std::vector<std::string> names;                ///< the possible ones
  std::string expected;                          ///< for messages where none is given
  std::vector<std::string> words;                ///< all bare words that may stand there, for suggestions
  bool with_name = false;                        ///< an extra key `name` is allowed
  std::map<std::string, std::string> instead{};  ///< words that are no name, to how they are written
};

/// "One mapping of one name to its parameters, or a bare name."
struct NamedValue {
  std::string type;   ///< one of the possible names
  std::string name;   ///< the extra `name`, or empty
  std::string path;   ///< of the parameters: "model.layers[2].conv2d"
  Node parameters;    ///< a mapping, empty for a bare name; without the extra `name`
  bool sound = true;  ///< false if the extra `name` was wrong
};

/// Splits a node so; reports and returns nothing where it is neither.
std::optional<NamedValue> read_named(const Place& place, const NamedRequest& request);

/// `name`, or {name: parameters} if there are any.
Node write_named(const std::string& name, Node parameters);

/// The schema of that: the bare name too, unless parameters are required.
Json named_schema(const std::string& name, const std::string& help, Json parameters);

}  // namespace convoy::config
