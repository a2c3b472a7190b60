#include <fmt/format.h>

#include "core/config/node.h"
#include "core/config/type.h"
#include "core/error.h"

namespace convoy::config {
namespace {

void relocate(Node& node, const Location& location) {
  node.location = location;
  node.key_location = location;
  for (Node& child : node.children) relocate(child, location);
}

/// The child that `step` names; made, if a mapping lacks it.
Node& descend(Node& node, const PathStep& step, const std::string& walked, const Location& location) {
  if (node.is_list()) {
    const auto size = static_cast<std::int64_t>(node.children.size());
    if (step.index < 0) {
      throw ConfigError("{}: {} is a list; name one of its entries, as in {}[0]", location.to_string(),
                        walked, walked);
    }
    if (step.index >= size) {
      throw ConfigError("{}: {} has {} entries, numbered from 0; there is no [{}]", location.to_string(),
                        walked, size, step.index);
    }
    return node.children[static_cast<std::size_t>(step.index)];
  }
  // `adam` is short for {adam: {}}.
  const bool bare = node.is_word(step.key);
  if (bare || node.kind == Node::Kind::null) {
    node.kind = Node::Kind::mapping;
    node.text.clear();
  }
  if (!node.is_mapping()) {
    throw ConfigError("{}: {} is {}, which has no '{}' inside; set {} itself", location.to_string(), walked,
                      describe_node(node), step.key, walked);
  }
  if (Node* child = node.find(step.key)) return *child;
  Node& added = node.add(step.key, Node());
  relocate(added, location);
  return added;
}

}  // namespace

void apply_override(Node& root, std::string_view assignment) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    throw ConfigError("--set {}: not an assignment; write it as --set train.epochs=5", assignment);
  }
  const std::string path(assignment.substr(0, equals));
  const std::string source = "--set " + path;
  Node value = parse_yaml(assignment.substr(equals + 1), source);
  const Location location{value.location.source, 0, 0};
  relocate(value, location);

  Node* node = &root;
  std::string walked;
  for (const PathStep& step : parse_path(path)) {
    Node& next = descend(*node, step, walked.empty() ? "the config" : walked, location);
    const bool into_list = node->is_list();
    walked += into_list ? fmt::format("[{}]", step.index) : (walked.empty() ? "" : ".") + step.key;
    node = &next;
  }
  value.key = node->key;
  *node = std::move(value);
}

}  // namespace convoy::config
