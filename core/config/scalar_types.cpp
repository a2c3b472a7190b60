#include <algorithm>
#include <fmt/format.h>
#include <limits>

#include "core/config/json.h"
#include "core/config/scalar.h"
#include "core/config/types.h"

namespace convoy::config {
namespace {

bool expect(const Place& place, const Type& type, std::string_view problem = "") {
  const Node& node = place.node;
  const std::string what =
      problem.empty() ? fmt::format("got {}", describe_node(node)) : std::string(problem);
  return place.error(fmt::format("{}; give {}", what, place.possible(type.text())));
}

Json limits(Json schema, const Rule& rule) {
  if (rule.minimum) schema[rule.open_minimum ? "exclusiveMinimum" : "minimum"] = *rule.minimum;
  if (rule.maximum) schema[rule.open_maximum ? "exclusiveMaximum" : "maximum"] = *rule.maximum;
  return schema;
}

Parsed<std::int64_t> parse_as(std::string_view text, std::int64_t) { return parse_int64(text); }
Parsed<std::uint64_t> parse_as(std::string_view text, std::uint64_t) { return parse_uint64(text); }
template <class T>
Parsed<T> parse_as(std::string_view text, T) {
  const Parsed<std::int64_t> wide = parse_int64(text);
  const bool fits =
      wide.value >= std::numeric_limits<T>::min() && wide.value <= std::numeric_limits<T>::max();
  if (wide.problem.empty() && !fits) return {0, fmt::format("'{}' is out of range", text)};
  return {static_cast<T>(wide.value), wide.problem};
}

template <class T>
class IntegerType final : public Type {
 public:
  explicit IntegerType(const Rule& rule) : rule_(rule) {
    if (std::is_unsigned_v<T> && !rule_.minimum) rule_.minimum = 0;
  }
  bool read(const Place& place, void* value) const override {
    const Node& node = place.node;
    if (!node.is_scalar()) return expect(place, *this);
    if (node.quoted) return expect(place, *this, describe_node(node) + " is text, not a number");
    const auto parsed = parse_as(node.text, T{});
    if (!parsed.problem.empty() && node.text.size() > 60) return expect(place, *this);
    if (!parsed.problem.empty()) return expect(place, *this, parsed.problem);
    if (!rule_.allows(static_cast<double>(parsed.value))) return expect(place, *this);
    *static_cast<T*>(value) = parsed.value;
    return true;
  }
  Node write(const void* value) const override {
    return Node::scalar(fmt::format("{}", *static_cast<const T*>(value)));
  }
  Json schema() const override { return limits({{"type", "integer"}}, rule_); }
  std::string text() const override { return "an integer" + rule_.text(); }
  bool claims(const Node& node) const override {
    return node.is_scalar() && !node.quoted && parse_as(node.text, T{}).problem.empty();
  }

 private:
  Rule rule_;
};

class NumberType final : public Type {
 public:
  explicit NumberType(const Rule& rule) : rule_(rule) {}
  bool read(const Place& place, void* value) const override {
    const Node& node = place.node;
    if (!node.is_scalar()) return expect(place, *this);
    if (node.quoted) return expect(place, *this, describe_node(node) + " is text, not a number");
    const Parsed<double> parsed = parse_number(node.text);
    if (!parsed.problem.empty() && node.text.size() > 60) return expect(place, *this);
    if (!parsed.problem.empty()) return expect(place, *this, parsed.problem);
    if (!rule_.allows(parsed.value)) return expect(place, *this);
    *static_cast<double*>(value) = parsed.value;
    return true;
  }
  Node write(const void* value) const override {
    return Node::scalar(write_number(*static_cast<const double*>(value)));
  }
  Json schema() const override {
    const Json fraction = {{"type", "string"}, {"pattern", "^[-+0-9.eE]+/[-+0-9.eE]+$"}};
    return any_of({limits({{"type", "number"}}, rule_), fraction});
  }
  std::string text() const override { return "a number" + rule_.text(); }
  bool claims(const Node& node) const override {
    return node.is_scalar() && !node.quoted && parse_number(node.text).problem.empty();
  }

 private:
  Rule rule_;
};

class BoolType final : public Type {
 public:
  bool read(const Place& place, void* value) const override {
    const bool yes = place.node.is_word("true");
    if (!yes && !place.node.is_word("false")) return expect(place, *this);
    *static_cast<bool*>(value) = yes;
    return true;
  }
  Node write(const void* value) const override {
    return Node::scalar(*static_cast<const bool*>(value) ? "true" : "false");
  }
  Json schema() const override { return {{"type", "boolean"}}; }
  std::string text() const override { return "true or false"; }
  bool claims(const Node& node) const override { return node.is_word("true") || node.is_word("false"); }
};

class StringType final : public Type {
 public:
  explicit StringType(const Rule& rule) : rule_(rule) {}
  bool read(const Place& place, void* value) const override {
    const Node& node = place.node;
    if (!node.is_scalar()) return expect(place, *this);
    if (node.text.size() < rule_.min_items || node.text.size() > rule_.max_items) {
      return expect(place, *this, fmt::format("got {} characters", node.text.size()));
    }
    *static_cast<std::string*>(value) = node.text;
    return true;
  }
  Node write(const void* value) const override {
    const auto& text = *static_cast<const std::string*>(value);
    return Node::scalar(text, !is_plain_text(text));
  }
  Json schema() const override {
    Json schema = {{"type", "string"}};
    if (rule_.min_items > 0) schema["minLength"] = rule_.min_items;
    if (rule_.max_items != Rule{}.max_items) schema["maxLength"] = rule_.max_items;
    return schema;
  }
  std::string text() const override {
    std::string text = "text";
    if (rule_.min_items > 0)
      text += fmt::format(" of at least {} character{}", rule_.min_items, rule_.min_items > 1 ? "s" : "");
    if (rule_.max_items != Rule{}.max_items) {
      text += fmt::format("{} at most {} characters", rule_.min_items > 0 ? " and" : " of", rule_.max_items);
    }
    return text;
  }

  bool claims(const Node& node) const override { return node.is_scalar(); }

 private:
  Rule rule_;
};

/// One integer, or a list of two.
class Size2dType final : public Type {
 public:
  explicit Size2dType(const Rule& rule) : rule_(rule), one_(int64_type(rule)) {}
  bool read(const Place& place, void* value) const override {
    auto& size = *static_cast<Size2d*>(value);
    if (place.node.is_list() && place.node.children.size() == 2) {
      const bool height = one_->read(place.item(0), &size.height);
      return one_->read(place.item(1), &size.width) && height;
    }
    if (!place.node.is_scalar()) return expect(place, *this);
    const bool sound = one_->read(place, &size.height);
    size.width = size.height;
    return sound;
  }
  Node write(const void* value) const override {
    const auto& size = *static_cast<const Size2d*>(value);
    Node node = Node::list();
    node.children = {one_->write(&size.height), one_->write(&size.width)};
    return node;
  }
  Json schema() const override {
    const Json pair = {{"type", "array"}, {"items", one_->schema()}, {"minItems", 2}, {"maxItems", 2}};
    return any_of({one_->schema(), pair});
  }
  std::string text() const override { return one_->text() + " or a list [height, width]"; }
  bool claims(const Node& node) const override { return one_->claims(node) || node.is_list(); }

 private:
  Rule rule_;
  TypePtr one_;
};

class Padding2dType final : public Type {
 public:
  explicit Padding2dType(const Rule& rule) : one_(int64_type(rule)), two_(size2d_type(rule)) {}
  bool read(const Place& place, void* value) const override {
    auto& padding = *static_cast<Padding2d*>(value);
    const Node& node = place.node;
    Size2d vertical, horizontal;
    bool sound = false;
    if (node.is_list() && node.children.size() == 2 && node.children[0].is_list()) {
      sound = two_->read(place.item(0), &vertical);
      sound = two_->read(place.item(1), &horizontal) && sound;
    } else if (node.is_scalar() || (node.is_list() && node.children.size() == 2)) {
      Size2d both;
      sound = two_->read(place, &both);
      vertical = {both.height, both.height};
      horizontal = {both.width, both.width};
    } else {
      return expect(place, *this);
    }
    padding = {vertical.height, vertical.width, horizontal.height, horizontal.width};
    return sound;
  }
  Node write(const void* value) const override {
    const auto& padding = *static_cast<const Padding2d*>(value);
    const Size2d vertical{padding.top, padding.bottom}, horizontal{padding.left, padding.right};
    Node node = Node::list();
    node.children = {two_->write(&vertical), two_->write(&horizontal)};
    return node;
  }
  Json schema() const override {
    const Json pairs = {{"type", "array"}, {"items", two_->schema()}, {"minItems", 2}, {"maxItems", 2}};
    return any_of({one_->schema(), pairs});
  }
  std::string text() const override {
    return one_->text() + ", a list [height, width] or [[top, bottom], [left, right]]";
  }
  bool claims(const Node& node) const override { return two_->claims(node); }

 private:
  TypePtr one_;
  TypePtr two_;
};

}  // namespace

TypePtr int_type(const Rule& rule) { return std::make_shared<IntegerType<int>>(rule); }
TypePtr uint8_type(const Rule& rule) {
  return std::make_shared<IntegerType<std::uint8_t>>(rule.minimum || rule.maximum ? rule : between(0, 255));
}
TypePtr int64_type(const Rule& rule) { return std::make_shared<IntegerType<std::int64_t>>(rule); }
TypePtr uint64_type(const Rule& rule) { return std::make_shared<IntegerType<std::uint64_t>>(rule); }
TypePtr number_type(const Rule& rule) { return std::make_shared<NumberType>(rule); }
TypePtr bool_type() { return std::make_shared<BoolType>(); }
TypePtr string_type(const Rule& rule) { return std::make_shared<StringType>(rule); }
TypePtr size2d_type(const Rule& rule) { return std::make_shared<Size2dType>(rule); }
TypePtr padding2d_type(const Rule& rule) { return std::make_shared<Padding2dType>(rule); }

bool EnumType::read(const Place& place, void* value) const {
  const Node& node = place.node;
  if (!node.is_scalar()) return expect(place, *this);
  const auto found = std::find(names_.begin(), names_.end(), node.text);
  if (found == names_.end()) {
    std::vector<std::string> possible = names_;
    if (!place.keyword.empty()) possible.push_back(place.keyword);
    return place.error(
        fmt::format("unknown value {}{}", describe_node(node), suggestion(node.text, possible)));
  }
  set(value, static_cast<std::size_t>(found - names_.begin()));
  return true;
}

Node EnumType::write(const void* value) const { return Node::scalar(names_.at(get(value))); }
Json EnumType::schema() const { return {{"enum", names_}}; }
std::string EnumType::text() const { return join_names(names_); }
bool EnumType::claims(const Node& node) const {
  return node.is_scalar() && std::find(names_.begin(), names_.end(), node.text) != names_.end();
}

}  // namespace convoy::config
