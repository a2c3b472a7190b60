#include <algorithm>
#include <fmt/format.h>

#include "core/config/json.h"
#include "core/config/named.h"
#include "core/config/reference.h"
#include "core/config/types.h"

namespace convoy::config {

bool KeywordType::read(const Place& place, void* value) const {
  const bool null = place.node.kind == Node::Kind::null && keyword_ == "none";
  if (null || place.node.is_word(keyword_)) {
    reset(value);
    return true;
  }
  if (place.node.is_scalar() && !inner_->claims(place.node)) {
    const std::string near = nearest_name(place.node.text, words());
    if (near == keyword_) return place.error(unknown_value(place.node, near));
  }
  return inner_->read({place.node, place.path, place.diagnostics, keyword_}, emplace(value));
}

Node KeywordType::write(const void* value) const {
  const void* held = get(value);
  Node node = held ? inner_->write(held) : Node::scalar(keyword_);
  // Text that happens to be the keyword.
  if (held && node.is_scalar() && node.text == keyword_) node.quoted = true;
  return node;
}

Json KeywordType::schema() const {
  std::vector<Json> alternatives{{{"const", keyword_}}, inner_->schema()};
  if (keyword_ == "none") alternatives.push_back({{"type", "null"}});
  return any_of(std::move(alternatives));
}

std::string KeywordType::text() const { return with_keyword(keyword_, inner_->text()); }

std::vector<std::string> KeywordType::words() const {
  std::vector<std::string> words = inner_->words();
  words.push_back(keyword_);
  return words;
}

bool KeywordType::claims(const Node& node) const { return node.is_word(keyword_) || inner_->claims(node); }

void KeywordType::document(Reference& reference, const std::string& path) const {
  inner_->document(reference, path);
}

bool ListType::read(const Place& place, void* value) const {
  const Node& node = place.node;
  if (!node.is_list())
    return place.error(fmt::format("got {}; give {}", describe_node(node), place.possible(text())));
  if (node.children.size() < rule_.min_items || node.children.size() > rule_.max_items) {
    const char* plural = node.children.size() == 1 ? "" : "s";
    return place.error(
        fmt::format("a list of {} value{}; give {}", node.children.size(), plural, place.possible(text())));
  }
  resize(value, node.children.size());
  bool sound = true;
  for (std::size_t i = 0; i < node.children.size(); ++i)
    sound = element_->read(place.item(i), at(value, i)) && sound;
  return sound;
}

Node ListType::write(const void* value) const {
  Node node = Node::list();
  for (std::size_t i = 0; i < size(value); ++i) node.children.push_back(element_->write(at(value, i)));
  return node;
}

Json ListType::schema() const {
  Json schema = {{"type", "array"}, {"items", element_->schema()}};
  if (rule_.min_items > 0) schema["minItems"] = rule_.min_items;
  if (rule_.max_items != Rule{}.max_items) schema["maxItems"] = rule_.max_items;
  return schema;
}

std::string ListType::text() const {
  std::string count;
  if (rule_.min_items == rule_.max_items) {
    count = fmt::format(" of {}", rule_.min_items);
  } else if (rule_.max_items != Rule{}.max_items) {
    count = fmt::format(" of {} to {}", rule_.min_items, rule_.max_items);
  } else if (rule_.min_items > 0) {
    count = fmt::format(" of at least {}", rule_.min_items);
  }
  return fmt::format("a list{}, each {}", count, element_->text());
}

void ListType::document(Reference& reference, const std::string& path) const {
  element_->document(reference, path + "[]");
}

bool MapType::read(const Place& place, void* value) const {
  clear(value);
  const Node& node = place.node;
  if (node.kind == Node::Kind::null) return true;
  if (!node.is_mapping()) return place.error(fmt::format("got {}; give {}", describe_node(node), text()));
  bool sound = true;
  for (const Node& child : node.children)
    sound = element_->read(place.child(child), insert(value, child.key)) && sound;
  return sound;
}

Node MapType::write(const void* value) const {
  Node node = Node::mapping();
  for (const auto& [key, element] : entries(value)) node.add(key, element_->write(element));
  return node;
}

Json MapType::schema() const { return {{"type", "object"}, {"additionalProperties", element_->schema()}}; }
std::string MapType::text() const { return "a mapping of names, each to " + element_->text(); }

namespace {

std::vector<std::string> names_of(const std::vector<Alternative>& alternatives) {
  std::vector<std::string> names;
  for (const Alternative& alternative : alternatives) {
    if (!alternative.name.empty()) names.push_back(alternative.name);
  }
  return names;
}

}  // namespace

bool AlternativesType::read(const Place& place, void* value) const {
  for (std::size_t i = 0; i < alternatives_.size(); ++i) {
    if (!alternatives_[i].name.empty() || !alternatives_[i].type->claims(place.node)) continue;
    Place plain = place;  // whose errors name what else is possible
    if (!place.keyword.empty())
      for (const std::string& name : names_of(alternatives_)) plain.keyword += ", " + name;
    return alternatives_[i].type->read(plain, emplace(value, i));
  }
  const std::vector<std::string> names = names_of(alternatives_);
  const auto named = read_named(place, {.noun = "name",
                                        .names = names,
                                        .expected = place.possible(text()),
                                        .words = words(),
                                        .with_name = false});
  if (!named) return false;
  const auto found = std::find_if(alternatives_.begin(), alternatives_.end(),
                                  [&](const Alternative& a) { return a.name == named->type; });
  const auto index = static_cast<std::size_t>(found - alternatives_.begin());
  return found->type->read({named->parameters, named->path, place.diagnostics}, emplace(value, index));
}

Node AlternativesType::write(const void* value) const {
  const Alternative& held = alternatives_.at(index(value));
  Node node = held.type->write(get(value));
  return held.name.empty() ? node : write_named(held.name, std::move(node));
}

Json AlternativesType::schema() const {
  std::vector<Json> all;
  for (const Alternative& a : alternatives_) {
    all.push_back(a.name.empty() ? a.type->schema() : named_schema(a.name, a.help, a.type->schema()));
  }
  return any_of(std::move(all));
}

std::vector<std::string> AlternativesType::words() const {
  std::vector<std::string> words = names_of(alternatives_);
  for (const Alternative& a : alternatives_) {
    if (!a.name.empty()) continue;
    for (std::string& word : a.type->words()) words.push_back(std::move(word));
  }
  return words;
}

std::string AlternativesType::text() const {
  std::vector<std::string> names;
  for (const Alternative& a : alternatives_) names.push_back(a.name.empty() ? a.type->text() : a.name);
  return join_names(names);
}

bool AlternativesType::claims(const Node& node) const {
  const auto claim = [&](const Alternative& a) {
    return a.name.empty() ? a.type->claims(node) : node.is_word(a.name) || node.find(a.name) != nullptr;
  };
  return std::any_of(alternatives_.begin(), alternatives_.end(), claim);
}

void AlternativesType::document(Reference& reference, const std::string& path) const {
  for (const Alternative& a : alternatives_) {
    if (a.name.empty()) {
      a.type->document(reference, path);
    } else {
      reference.alternative(path, a.name, a.help, *a.type);
    }
  }
}

}  // namespace convoy::config
