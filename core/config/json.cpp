#include "core/config/json.h"

#include "core/config/scalar.h"

namespace convoy::config {
namespace {

Json scalar_to_json(const Node& node) {
  if (node.quoted) return node.text;
  if (node.text == "true") return true;
  if (node.text == "false") return false;
  if (const auto integer = parse_int64(node.text); integer.problem.empty()) return integer.value;
  if (const auto natural = parse_uint64(node.text); natural.problem.empty()) return natural.value;
  const bool fraction = node.text.find('/') != std::string::npos;
  if (const auto number = parse_number(node.text); number.problem.empty() && !fraction) return number.value;
  return node.text;
}

}  // namespace

Json to_json(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return nullptr;
    case Node::Kind::scalar:
      return scalar_to_json(node);
    case Node::Kind::list: {
      Json list = Json::array();
      for (const Node& child : node.children) list.push_back(to_json(child));
      return list;
    }
    case Node::Kind::mapping:
      break;
  }
  Json object = Json::object();
  for (const Node& child : node.children) object[child.key] = to_json(child);
  return object;
}

Json any_of(std::vector<Json> alternatives) {
  Json all = Json::array();
  for (Json& alternative : alternatives) {
    if (alternative.size() == 1 && alternative.contains("anyOf")) {
      for (Json& inner : alternative["anyOf"]) all.push_back(std::move(inner));
    } else {
      all.push_back(std::move(alternative));
    }
  }
  return {{"anyOf", std::move(all)}};
}

}  // namespace convoy::config
