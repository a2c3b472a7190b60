#include "core/config/named.h"

#include <algorithm>
#include <fmt/format.h>

#include "core/config/json.h"

namespace convoy::config {
namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// About the key itself, not its value.
void at_key(const Place& place, const Node& child, const std::string& message) {
  place.diagnostics.error(child.key_location, place.child(child).path, message);
}

/// The child that carries the parameters. Reports and returns null where it is unclear which.
const Node* pick(const Place& place, const NamedRequest& request) {
  const Node* picked = nullptr;
  for (const Node& child : place.node.children) {
    if (request.with_name && child.key == "name") continue;
    if (picked == nullptr) {
      picked = &child;
    } else if (contains(request.names, child.key)) {
      const bool list = !place.path.empty() && place.path.back() == ']';
      at_key(place, child,
             fmt::format("a second {} beside '{}'; {}", request.noun, picked->key,
                         list ? "start it with a '- ' of its own" : "keep one of them"));
      return nullptr;
    } else {
      at_key(place, child,
             fmt::format("stands beside '{0}', not inside it; indent it further than '{0}'", picked->key));
      return nullptr;
    }
  }
  return picked;
}

void take_name(NamedValue& value, const Node& from, const Place& place) {
  const Node* name = from.find("name");
  if (name == nullptr) return;
  if (name->is_scalar() && !name->text.empty()) {
    value.name = name->text;
  } else {
    place.diagnostics.error(name->place(), value.path + ".name",
                            fmt::format("got {}; give a name, as in name: stem", describe_node(*name)));
    value.sound = false;
  }
}

}  // namespace

std::optional<NamedValue> read_named(const Place& place, const NamedRequest& request) {
  const Node& node = place.node;
  const auto unknown = [&](const Location& location, const std::string& name) {
    const std::string path = place.path.empty() ? name : place.path + "." + name;
    const auto meant = request.instead.find(name);
    const std::string hint = meant == request.instead.end()
                                 ? suggestion(name, request.names)
                                 : fmt::format("; did you mean '{}'?", meant->second);
    place.diagnostics.error(location, path, fmt::format("unknown {}{}", request.noun, hint));
  };
  NamedValue value;
  if (node.is_scalar()) {
    if (!contains(request.names, node.text)) {
      if (request.noun == "name") {
        const std::string near = nearest_name(node.text, request.words);
        const std::string got =
            fmt::format("unknown value {}; give {}", describe_node(node), request.expected);
        place.error(near.empty() ? got : unknown_value(node, near));
      } else {
        unknown(node.location, node.text);
      }
      return std::nullopt;
    }
    value.type = node.text;
    value.parameters = Node::mapping();
    value.parameters.location = node.location;
  } else if (node.is_mapping() && !node.children.empty()) {
    const Node* child = pick(place, request);
    if (child == nullptr) return std::nullopt;
    if (!contains(request.names, child->key)) {
      unknown(child->key_location, child->key);
      return std::nullopt;
    }
    value.type = child->key;
    value.parameters = *child;
  } else {
    place.error(fmt::format("got {}; give {}", describe_node(node), request.expected));
    return std::nullopt;
  }
  value.path = place.path.empty() ? value.type : place.path + "." + value.type;
  if (request.with_name) {
    take_name(value, node, place);
    take_name(value, value.parameters, place);
    std::erase_if(value.parameters.children, [](const Node& c) { return c.key == "name"; });
  }
  return value;
}

Node write_named(const std::string& name, Node parameters) {
  if (parameters.is_mapping() && parameters.children.empty()) return Node::scalar(name);
  Node node = Node::mapping();
  node.add(name, std::move(parameters));
  return node;
}

Json named_schema(const std::string& name, const std::string& help, Json parameters) {
  const bool bare = !parameters.contains("required");
  if (bare) parameters["type"] = Json::array({"object", "null"});
  const Json mapping = {{"type", "object"},
                        {"description", help},
                        {"properties", {{name, std::move(parameters)}}},
                        {"required", Json::array({name})},
                        {"additionalProperties", false}};
  if (!bare) return mapping;
  return any_of({{{"const", name}, {"description", help}}, mapping});
}

}  // namespace convoy::config
