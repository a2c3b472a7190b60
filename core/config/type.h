#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/diagnostics.h"
#include "core/config/node.h"

namespace convoy::config {

using Json = nlohmann::ordered_json;

/// A value being read: the node, its key path, and where errors go.
struct Place {
  const Node& node;
  std::string path;
  Diagnostics& diagnostics;
  std::string keyword{};  ///< `none` or `auto` where that is possible here too, for messages

  Place child(const Node& value) const {
    return {value, path.empty() ? value.key : path + "." + value.key, diagnostics};
  }
  Place item(std::size_t index) const {
    return {node.children[index], path + "[" + std::to_string(index) + "]", diagnostics};
  }
  /// What may stand here: "a number", with the keyword "none or a number".
  std::string possible(const std::string& values) const;
  /// "what; what to do". Returns false, for `return place.error(…)`.
  bool error(std::string_view message) const;
  /// The same about the child `key`, present or not.
  bool error(std::string_view key, std::string_view message) const;
};

/// What a value must fulfil besides its type. Limits hold for every number in it.
struct Rule {
  std::optional<double> minimum{};
  std::optional<double> maximum{};
  bool open_minimum = false;  ///< the minimum itself is excluded
  bool open_maximum = false;
  std::size_t min_items = 0;  ///< of a list, or characters of a string
  std::size_t max_items = std::numeric_limits<std::size_t>::max();

  Rule at_most(double limit) const;
  Rule below(double limit) const;
  Rule items(std::size_t least, std::size_t most = std::numeric_limits<std::size_t>::max()) const;

  /// " of at least 1", or empty.
  std::string text() const;
  bool allows(double value) const;
};

inline Rule at_least(double limit) { return {.minimum = limit}; }
inline Rule above(double limit) { return {.minimum = limit, .open_minimum = true}; }
inline Rule between(double low, double high) { return at_least(low).at_most(high); }
inline Rule items(std::size_t least, std::size_t most = std::numeric_limits<std::size_t>::max()) {
  return Rule{}.items(least, most);
}

class Reference;

/// How values of one C++ type are read, written and described. Immutable. The void pointers point to such a
/// value.
class Type {
 public:
  virtual ~Type() = default;

  /// Reads the node over the value, which holds its default. Reports what does not fit and returns false; the
  /// value is then of no use.
  virtual bool read(const Place& place, void* value) const = 0;
  /// A node that reads back as the same value.
  virtual Node write(const void* value) const = 0;
  /// JSON Schema, draft 2020-12.
  virtual Json schema() const = 0;
  /// With its article: "an integer of at least 1".
  virtual std::string text() const = 0;
  /// Whether this node can only be meant for this type (to choose between alternatives).
  virtual bool claims(const Node& node) const;
  /// The bare words that it takes, for suggestions.
  virtual std::vector<std::string> words() const { return {}; }
  /// Adds the tables of the structs inside; see reference.h.
  virtual void document(Reference& reference, const std::string& path) const;
};

using TypePtr = std::shared_ptr<const Type>;

/// "'abc'", "a list", "nothing": what stands in the file, for messages.
std::string describe_node(const Node& node);

/// The name among `known` that `word` most likely meant, or empty.
std::string nearest_name(std::string_view word, const std::vector<std::string>& known);

/// "; did you mean 'filters'?", or, where nothing is near, "; possible: a, b, c".
std::string suggestion(std::string_view word, const std::vector<std::string>& known);

/// "unknown value 'x'; did you mean 'y'?"
std::string unknown_value(const Node& node, std::string_view meant);

/// "none or a number", "none, test or a number"
std::string with_keyword(const std::string& keyword, const std::string& values);

/// "a, b or c"
std::string join_names(const std::vector<std::string>& names, std::string_view last = "or");

}  // namespace convoy::config
