#pragma once

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/random.h"
#include "layers/layer.h"

namespace convoy::testing {

/// Reproducible numbers in [-1, 1).
inline std::vector<double> random_values(std::int64_t count, std::uint32_t stream) {
  const RandomStream random(4, RandomPurpose::test, stream);
  std::vector<double> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto words = random(0, 0, static_cast<std::uint32_t>(i));
    values[i] = 2 * uniform_double(words[0], words[1]) - 1;
  }
  return values;
}

/// Small whole numbers, reproducible.
class Dice {
 public:
  explicit Dice(std::uint32_t stream) : random_(3, RandomPurpose::test, stream) {}
  /// In {0, …, bound - 1}.
  std::int64_t below(std::int64_t bound) {
    return static_cast<std::int64_t>(
        uniform_below(random_(0, 0, counter_++)[0], static_cast<std::uint64_t>(bound)));
  }
  /// In (0, 1).
  double fraction() {
    const auto words = random_(0, 0, counter_++);
    return uniform_double(words[0], words[1]);
  }

 private:
  RandomStream random_;
  std::uint32_t counter_ = 0;
};

using Json = nlohmann::ordered_json;

/// A small value that the schema allows.
inline Json draw_value(const Json& schema, Dice& dice) {
  if (schema.contains("enum"))
    return schema["enum"]
                 [static_cast<std::size_t>(dice.below(static_cast<std::int64_t>(schema["enum"].size())))];
  if (schema.contains("const")) return schema["const"];
  if (schema.contains("anyOf")) {
    const Json& all = schema["anyOf"];
    const Json& one = all[static_cast<std::size_t>(dice.below(static_cast<std::int64_t>(all.size())))];
    return draw_value(one, dice);
  }
  const std::string type = schema.value("type", "");
  if (type == "boolean") return dice.below(2) == 1;
  if (type == "integer") {
    const std::int64_t least = schema.value("minimum", std::int64_t{0});
    return least + dice.below(std::min<std::int64_t>(schema.value("maximum", least + 3) - least + 1, 4));
  }
  if (type == "number") {
    const double low = schema.value("minimum", schema.value("exclusiveMinimum", -1.0));
    const double high = std::min(low + 1, schema.value("maximum", schema.value("exclusiveMaximum", low + 1)));
    return low + dice.fraction() * (high - low);
  }
  if (type == "array") {
    Json list = Json::array();
    for (std::int64_t i = 0; i < schema.value("minItems", std::int64_t{1}); ++i)
      list.push_back(draw_value(schema["items"], dice));
    return list;
  }
  return nullptr;
}

/// A layer of this type with parameters drawn from their description: the required ones, and each other with
/// probability 1/2. Not all draws fit together, or an input. Initializers are left out: they do not change
/// what a layer computes.
inline Json draw_layer(const LayerType& type, Dice& dice) {
  const Json schema = type.entry.parameters->schema();
  const Json required = schema.value("required", Json::array());
  Json parameters = Json::object();
  for (const auto& [key, value] : schema["properties"].items()) {
    if (key.ends_with("_initializer")) continue;
    const bool needed = std::find(required.begin(), required.end(), key) != required.end();
    if (needed || dice.below(2) == 1) parameters[key] = draw_value(value, dice);
  }
  return {{type.entry.name, parameters}};
}

/// An image, or now and then a vector.
inline Json draw_input(Dice& dice) {
  if (dice.below(4) == 0) return {1 + dice.below(12)};
  const std::int64_t channels[] = {1, 2, 3, 4, 6};
  return {2 + dice.below(6), 2 + dice.below(6), channels[dice.below(5)]};
}

/// As YAML without quotes, in which `none` is a keyword.
inline std::string plain_yaml(const Json& json) {
  std::string text = json.dump(0);
  std::erase(text, '"');
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace convoy::testing
