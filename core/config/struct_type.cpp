#include <algorithm>
#include <fmt/format.h>

#include "core/config/fields.h"
#include "core/config/json.h"
#include "core/config/reference.h"

namespace convoy::config {
namespace {

const AlternativesType& alternatives_of(const Field& field) {
  return static_cast<const AlternativesType&>(*field.type);
}

std::vector<std::string> keys_of(const std::vector<Field>& fields) {
  std::vector<std::string> keys;
  for (const Field& field : fields) {
    if (!field.inlined) {
      keys.push_back(field.name);
      continue;
    }
    for (const Alternative& alternative : alternatives_of(field).alternatives())
      keys.push_back(alternative.name);
  }
  return keys;
}

/// The member of a value that is only looked at.
const void* member_of(const Field& field, const void* value) {
  return field.member(const_cast<void*>(value));
}

}  // namespace

bool StructType::has_required() const {
  return std::any_of(fields_.begin(), fields_.end(), [](const Field& f) { return f.required; });
}

Node StructType::default_of(const Field& field) const {
  const std::shared_ptr<void> defaults = make_();
  return field.type->write(field.member(defaults.get()));
}

bool StructType::read(const Place& place, void* value) const {
  const Node& node = place.node;
  if (!node.is_mapping() && node.kind != Node::Kind::null) {
    const std::string example =
        fields_.empty()
            ? "remove it"
            : fmt::format("give {}, as in {{{}: …}}", place.possible("a mapping"), keys_of(fields_).front());
    return place.error(fmt::format("got {}; {}", describe_node(node), example));
  }
  const std::vector<std::string> keys = keys_of(fields_);
  std::vector<std::string> misspelt;
  bool sound = true;
  for (const Node& child : node.children) {
    if (std::find(keys.begin(), keys.end(), child.key) != keys.end()) continue;
    const std::string hint = keys.empty() ? "; it takes no parameters" : suggestion(child.key, keys);
    place.diagnostics.error(child.key_location, place.child(child).path, "unknown key" + hint);
    misspelt.push_back(nearest_name(child.key, keys));
    sound = false;
  }
  sound = read_fields(place, misspelt, value) && sound;
  if (sound && check_) {
    const std::size_t before = place.diagnostics.count();
    check_(value, place);
    sound = place.diagnostics.count() == before;
  }
  return sound;
}

bool StructType::read_fields(const Place& place, const std::vector<std::string>& misspelt,
                             void* value) const {
  bool sound = true;
  for (const Field& field : fields_) {
    if (field.inlined) {
      sound = read_inlined(field, place, misspelt, value) && sound;
    } else if (const Node* child = place.node.find(field.name)) {
      sound = field.type->read(place.child(*child), field.member(value)) && sound;
    } else if (field.required) {
      sound = false;
      // Already told: "did you mean …?"
      if (std::find(misspelt.begin(), misspelt.end(), field.name) != misspelt.end()) continue;
      place.error(field.name, fmt::format("missing ({}); give {}", field.help, field.type->text()));
    }
  }
  return sound;
}

bool StructType::read_inlined(const Field& field, const Place& place,
                              const std::vector<std::string>& misspelt, void* value) const {
  const AlternativesType& type = alternatives_of(field);
  const std::vector<std::string> names = type.words();
  const Node* chosen = nullptr;
  bool sound = true;
  for (const Node& child : place.node.children) {
    const auto found = std::find(names.begin(), names.end(), child.key);
    if (found == names.end()) continue;
    if (chosen != nullptr) {
      const std::string message =
          fmt::format("a second {} beside '{}'; keep one of them", field.name, chosen->key);
      place.diagnostics.error(child.key_location, place.child(child).path, message);
      return false;
    }
    chosen = &child;
    const auto index = static_cast<std::size_t>(found - names.begin());
    sound =
        type.alternatives()[index].type->read(place.child(child), type.emplace(field.member(value), index));
  }
  if (chosen != nullptr) return sound;
  const auto is_misspelt = [&](const std::string& name) {
    return std::find(misspelt.begin(), misspelt.end(), name) != misspelt.end();
  };
  if (std::any_of(names.begin(), names.end(), is_misspelt)) return false;
  return place.error(fmt::format("no {} ({}); give one of {}", field.name, field.help, type.text()));
}

Node StructType::write(const void* value) const {
  Node node = Node::mapping();
  for (const Field& field : fields_) {
    if (!field.inlined) {
      node.add(field.name, field.type->write(member_of(field, value)));
      continue;
    }
    const AlternativesType& type = alternatives_of(field);
    const Alternative& held = type.alternatives().at(type.index(member_of(field, value)));
    node.add(held.name, held.type->write(type.get(member_of(field, value))));
  }
  return node;
}

Json StructType::schema() const {
  Json properties = Json::object();
  Json required = Json::array();
  Json one_of = Json::array();
  for (const Field& field : fields_) {
    if (field.inlined) {
      for (const Alternative& alternative : alternatives_of(field).alternatives()) {
        Json property = alternative.type->schema();
        property["description"] = alternative.help;
        if (!property.contains("required")) property["type"] = Json::array({"object", "null"});
        properties[alternative.name] = std::move(property);
        one_of.push_back({{"required", Json::array({alternative.name})}});
      }
      continue;
    }
    Json property = field.type->schema();
    property["description"] = field.help;
    if (field.required) {
      required.push_back(field.name);
    } else {
      property["default"] = to_json(default_of(field));
    }
    properties[field.name] = std::move(property);
  }
  Json schema = {{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) schema["required"] = std::move(required);
  if (!one_of.empty()) schema["oneOf"] = std::move(one_of);
  schema["additionalProperties"] = false;
  return schema;
}

void StructType::document(Reference& reference, const std::string& path) const {
  reference.table(path, *this);
  for (const Field& field : fields_) {
    const std::string inside = field.inlined || path.empty() ? "" : path + ".";
    field.type->document(reference, field.inlined ? path : inside + field.name);
  }
}

}  // namespace convoy::config
