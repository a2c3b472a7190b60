#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace convoy::config {

class Diagnostics;

/// A place in a file, or in a `--set` of the command line (line 0).
struct Location {
  std::shared_ptr<const std::string> source;
  int line = 0;    ///< from 1; 0: the source has no lines
  int column = 0;  ///< from 1
  /// "train.yaml:12:7", or "--set train.epochs"
  std::string to_string() const;
};

/// A YAML document as data: what stands there, and where.
struct Node {
  enum class Kind { null, scalar, list, mapping };

  Kind kind = Kind::null;
  std::string text;     ///< of a scalar
  bool quoted = false;  ///< "0.1" and '0.1' are text, 0.1 is a number; write_yaml writes the quotes
  Location location;    ///< where the value starts

  std::string key;        ///< of a mapping's child
  Location key_location;  ///< of a mapping's child
  std::vector<Node> children;

  static Node scalar(std::string text, bool quoted = false);
  static Node list() { return of_kind(Kind::list); }
  static Node mapping() { return of_kind(Kind::mapping); }
  static Node of_kind(Kind kind);

  bool is_scalar() const { return kind == Kind::scalar; }
  bool is_list() const { return kind == Kind::list; }
  bool is_mapping() const { return kind == Kind::mapping; }
  /// An unquoted scalar of exactly this text.
  bool is_word(std::string_view word) const { return is_scalar() && !quoted && text == word; }

  /// A mapping's child, or null.
  const Node* find(std::string_view name) const;
  Node* find(std::string_view name);
  /// Appends a child to a mapping.
  Node& add(std::string name, Node value);
  /// Where to point at for an error about this value: at its key if it is a mapping or a list, else at
  /// itself.
  const Location& place() const;
};

/// The same data; locations and quotes do not matter.
bool same_data(const Node& a, const Node& b);

/// One step of a dotted path: a key or, in a list, an index.
struct PathStep {
  std::string key;
  std::int64_t index = -1;  ///< from 0; -1: a key. "layers.2" and "layers[2]" are the same
};

/// Splits the path of a `--set`, "model.layers[2].conv2d.filters". Throws ConfigError where it is malformed.
std::vector<PathStep> parse_path(std::string_view path);

/// The deepest value on a path, written as in errors ("model.layers[2].conv2d.filters"), that exists; at
/// least the root.
const Node& deepest(const Node& root, std::string_view path);

/// Reads one YAML document. Strict and bounded: at most 1 MiB of UTF-8, 64 levels and 100,000 values;
/// anchors, aliases, tags, duplicate keys, keys that are not plain text and second documents are errors.
/// Throws ConfigError, one line a problem: "source:line:column: what; what to do".
Node parse_yaml(std::string_view text, const std::string& source);
/// The same, but keys given twice go to `diagnostics`, so that they are told with what else is wrong.
Node parse_yaml(std::string_view text, const std::string& source, Diagnostics& diagnostics);

/// Read a file so; errors name the path as given. Throw ConfigError.
Node parse_yaml_file(const std::string& path);
Node parse_yaml_file(const std::string& path, Diagnostics& diagnostics);

/// YAML text that parse_yaml reads back as the same data. Small lists and mappings on one line, others in
/// blocks.
std::string write_yaml(const Node& node);
/// The same on one line, without its end.
std::string write_line(const Node& node);

/// Whether text needs no quotes to be text, here and for other readers of YAML.
bool is_plain_text(std::string_view text);

/// Puts `key.path=value` (the value in YAML syntax) into the document: replaces the value there, adds a
/// missing key, and makes a mapping of a bare name on the way (`adam` of `{adam: {…}}`). Throws ConfigError.
void apply_override(Node& root, std::string_view assignment);

/// Every leaf as ("model.layers[2].conv2d.filters", "64"), in order of the document; empty lists and mappings
/// too.
std::vector<std::pair<std::string, std::string>> flatten(const Node& node);

}  // namespace convoy::config
