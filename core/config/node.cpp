#include "core/config/node.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

#include "core/error.h"

namespace convoy::config {

std::string Location::to_string() const {
  const std::string_view name = source ? std::string_view(*source) : std::string_view("config");
  return line == 0 ? std::string(name) : fmt::format("{}:{}:{}", name, line, column);
}

Node Node::scalar(std::string text, bool quoted) {
  Node node = of_kind(Kind::scalar);
  node.text = std::move(text);
  node.quoted = quoted;
  return node;
}

Node Node::of_kind(Kind kind) {
  Node node;
  node.kind = kind;
  return node;
}

const Node* Node::find(std::string_view name) const {
  if (!is_mapping()) return nullptr;
  const auto found =
      std::find_if(children.begin(), children.end(), [&](const Node& c) { return c.key == name; });
  return found == children.end() ? nullptr : &*found;
}

Node* Node::find(std::string_view name) { return const_cast<Node*>(std::as_const(*this).find(name)); }

Node& Node::add(std::string name, Node value) {
  value.key = std::move(name);
  return children.emplace_back(std::move(value));
}

const Location& Node::place() const {
  const bool has_key = key_location.source != nullptr;
  return has_key && !is_scalar() ? key_location : location;
}

bool same_data(const Node& a, const Node& b) {
  return a.kind == b.kind && a.text == b.text && a.key == b.key &&
         std::equal(a.children.begin(), a.children.end(), b.children.begin(), b.children.end(), same_data);
}

namespace {

std::int64_t parse_index(std::string_view digits, std::string_view path) {
  std::int64_t index = -1;
  const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
  if (status != std::errc() || end != digits.data() + digits.size() || index < 0) {
    throw ConfigError("--set {}: '{}' is not an index; write it as in model.layers[2].conv2d.filters", path,
                      digits);
  }
  return index;
}

bool all_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

void add_steps(std::string_view part, std::string_view path, std::vector<PathStep>& steps) {
  const std::size_t bracket = part.find('[');
  const std::string_view key = part.substr(0, bracket);
  if (key.empty() || key.find(']') != std::string_view::npos) {
    throw ConfigError("--set {}: not a key path; write it as in model.layers[2].conv2d.filters", path);
  }
  steps.push_back({std::string(key), all_digits(key) ? parse_index(key, path) : -1});
  std::string_view rest = bracket == std::string_view::npos ? std::string_view() : part.substr(bracket);
  while (!rest.empty()) {
    const std::size_t close = rest.find(']');
    if (rest.front() != '[' || close == std::string_view::npos) {
      throw ConfigError("--set {}: a bracket is not closed; write it as in model.layers[2].conv2d.filters",
                        path);
    }
    const std::string_view digits = rest.substr(1, close - 1);
    steps.push_back({std::string(digits), parse_index(digits, path)});
    rest.remove_prefix(close + 1);
  }
}

}  // namespace

std::vector<PathStep> parse_path(std::string_view path) {
  std::vector<PathStep> steps;
  std::string_view rest = path;
  while (true) {
    const std::size_t dot = rest.find('.');
    add_steps(rest.substr(0, dot), path, steps);
    if (dot == std::string_view::npos) return steps;
    rest.remove_prefix(dot + 1);
  }
}

const Node& deepest(const Node& root, std::string_view path) {
  const Node* node = &root;
  while (!path.empty()) {
    const Node* next = nullptr;
    std::size_t length = 0;
    for (std::size_t i = 0; i < node->children.size(); ++i) {
      const std::string step = node->is_list() ? fmt::format("[{}]", i) : node->children[i].key;
      const bool whole =
          step.size() == path.size() ||
          (path.size() > step.size() && (path[step.size()] == '.' || path[step.size()] == '['));
      if (path.starts_with(step) && whole && step.size() > length) {
        next = &node->children[i];
        length = step.size();
      }
    }
    if (next == nullptr) break;
    node = next;
    path.remove_prefix(length);
    if (path.starts_with('.')) path.remove_prefix(1);
  }
  return *node;
}

namespace {

void flatten_into(const Node& node, const std::string& path,
                  std::vector<std::pair<std::string, std::string>>& leaves) {
  if (node.children.empty()) {
    const char* empty = node.is_list() ? "[]" : node.is_mapping() ? "{}" : "none";
    leaves.emplace_back(path, node.is_scalar() ? node.text : empty);
    return;
  }
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    const Node& child = node.children[i];
    const std::string dot = path.empty() ? "" : ".";
    flatten_into(child, node.is_list() ? fmt::format("{}[{}]", path, i) : path + dot + child.key, leaves);
  }
}

}  // namespace

std::vector<std::pair<std::string, std::string>> flatten(const Node& node) {
  std::vector<std::pair<std::string, std::string>> leaves;
  flatten_into(node, "", leaves);
  return leaves;
}

}  // namespace convoy::config
