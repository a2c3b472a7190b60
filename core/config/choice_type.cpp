#include <algorithm>
#include <map>

#include "core/config/fields.h"
#include "core/config/json.h"
#include "core/config/named.h"
#include "core/config/reference.h"

namespace convoy::config {
namespace {

/// The key of an entry's parameters whose value may stand for all of them, as in `- activation: relu`, or
/// null: the only one that must be given, or the only one that there is.
const Field* main_key(const CatalogEntry& entry) {
  const auto* parameters = dynamic_cast<const StructType*>(entry.parameters.get());
  if (parameters == nullptr) return nullptr;
  const auto& fields = parameters->fields();
  if (fields.size() == 1) return &fields.front();
  if (std::ranges::count_if(fields, &Field::required) != 1) return nullptr;
  return &*std::ranges::find_if(fields, &Field::required);
}

/// `given`, or {key: given} where it is the value of the main key.
Node spelled_out(const Node& given, const CatalogEntry& entry) {
  const Field* key = main_key(entry);
  if (key == nullptr || !(given.is_scalar() || given.is_list())) return given;
  Node parameters = Node::mapping();
  parameters.location = given.location;
  parameters.key = given.key;
  parameters.key_location = given.key_location;
  parameters.add(key->name, given).key_location = given.location;
  return parameters;
}

class ChoiceType final : public Type {
 public:
  explicit ChoiceType(const Catalog& catalog) : catalog_(catalog) {}

  bool read(const Place& place, void* value) const override {
    auto& choice = *static_cast<Choice*>(value);
    choice.path = place.path;
    std::vector<std::string> names;
    std::map<std::string, std::string> instead;
    for (const CatalogEntry& entry : catalog_.entries) {
      names.push_back(entry.name);
      if (const Field* key = main_key(entry))
        for (const std::string& word : key->type->words()) instead.emplace(word, entry.name + ": " + word);
    }
    const auto named =
        read_named(place, {.noun = catalog_.noun,
                           .names = names,
                           .expected = text() + ": its name, or a mapping of its name to its parameters",
                           .words = names,
                           .with_name = catalog_.named,
                           .instead = instead});
    if (!named) return false;
    const auto entry = std::find_if(catalog_.entries.begin(), catalog_.entries.end(),
                                    [&](const CatalogEntry& e) { return e.name == named->type; });
    choice.type = entry->name;
    choice.index = static_cast<std::size_t>(entry - catalog_.entries.begin());
    choice.name = named->name;
    choice.path = named->path;
    choice.parameters_type = entry->type;
    const std::shared_ptr<void> parameters = entry->make();
    const Node given = spelled_out(named->parameters, *entry);
    choice.sound = entry->parameters->read({given, named->path, place.diagnostics}, parameters.get());
    choice.sound = choice.sound && named->sound;
    choice.parameters = parameters;
    return choice.sound;
  }

  Node write(const void* value) const override {
    const auto& choice = *static_cast<const Choice*>(value);
    const Node written = entry_of(choice).parameters->write(choice.parameters.get());
    Node parameters = Node::mapping();
    if (!choice.name.empty()) parameters.add("name", Node::scalar(choice.name, !is_plain_text(choice.name)));
    for (const Node& child : written.children) parameters.children.push_back(child);
    return write_named(choice.type, std::move(parameters));
  }

  Json schema() const override {
    std::vector<Json> all;
    const Json name = {{"type", "string"}, {"description", "the name of this " + catalog_.noun}};
    for (const CatalogEntry& entry : catalog_.entries) {
      Json parameters = entry.parameters->schema();
      if (catalog_.named) parameters["properties"]["name"] = name;
      Json schema = named_schema(entry.name, entry.help, std::move(parameters));
      Json& mapping = schema.contains("anyOf") ? schema["anyOf"].back() : schema;
      if (const Field* key = main_key(entry)) {
        Json& given = mapping["properties"][entry.name];
        given = any_of({key->type->schema(), std::move(given)});
      }
      if (catalog_.named) mapping["properties"]["name"] = name;
      all.push_back(std::move(schema));
    }
    return any_of(std::move(all));
  }

  std::string text() const override {
    const bool vowel = std::string_view("aeiou").find(catalog_.noun.substr(0, 1)) != std::string_view::npos;
    return (vowel ? "an " : "a ") + catalog_.noun;
  }

  bool claims(const Node& /*node*/) const override { return true; }

  void document(Reference& reference, const std::string& path) const override {
    for (const CatalogEntry& entry : catalog_.entries) {
      reference.alternative(path, entry.name, entry.help, *entry.parameters);
    }
  }

 private:
  const CatalogEntry& entry_of(const Choice& choice) const {
    for (const CatalogEntry& entry : catalog_.entries) {
      if (entry.name == choice.type) return entry;
    }
    throw DefectError("internal error: no {} '{}' to write; please report it", catalog_.noun, choice.type);
  }

  Catalog catalog_;
};

}  // namespace

TypePtr choice_type(const Catalog& catalog) { return std::make_shared<ChoiceType>(catalog); }

}  // namespace convoy::config
