#include "layers/layer_names.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>

#include "layers/registry.h"

namespace convoy {

namespace {

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

/// A slash parts layer and tensor in the names of weights.
void check_characters(const std::string& name, const std::string& path, config::Diagnostics& diagnostics) {
  const bool bad = std::any_of(name.begin(), name.end(), [](char c) {
    return c == '/' || static_cast<unsigned char>(c) < ' ' || c == '\x7f';
  });
  if (bad)
    diagnostics.error(path, "a layer's name holds no slash or control character; use letters, digits and _");
}

}  // namespace

std::string snake_case(std::string_view class_name) {
  std::string name;
  for (std::size_t i = 0; i < class_name.size(); ++i) {
    const char c = class_name[i];
    const bool starts_word = i + 1 < class_name.size() && is_lower(class_name[i + 1]);
    if (i > 0 && is_upper(c) && (starts_word || is_lower(class_name[i - 1]))) name += '_';
    name += is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return name;
}

std::vector<std::string> name_layers(std::span<const config::Choice> layers,
                                     config::Diagnostics& diagnostics) {
  const std::vector<LayerType> types = layer_types();
  std::vector<std::string> names;
  std::map<std::string, int> counts;
  std::map<std::string, std::size_t> owners;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    std::string name = layers[i].name;
    if (name.empty() && !layers[i].type.empty()) {
      const std::string base = snake_case(types.at(layers[i].index).class_name);
      const int number = counts[base]++;
      name = number == 0 ? base : fmt::format("{}_{}", base, number);
    }
    check_characters(name, layers[i].path + ".name", diagnostics);
    const auto [owner, is_new] = owners.emplace(name, i);
    if (!is_new && !name.empty()) {
      // Of an explicit and an automatic name the explicit one can be changed.
      const bool automatic = layers[i].name.empty();
      const std::string path = layers[automatic ? owner->second : i].path + ".name";
      if (!diagnostics.has_error_at(path))
        diagnostics.error(
            path, fmt::format("model.layers[{}] is {}named '{}'; choose another name",
                              automatic ? i : owner->second, automatic ? "automatically " : "", name));
    }
    names.push_back(std::move(name));
  }
  return names;
}

}  // namespace convoy
