#include "core/config/diagnostics.h"

#include <algorithm>
#include <fmt/format.h>
#include <tuple>

namespace convoy::config {

namespace {

constexpr std::string_view kOption = "--set ";

bool is_at_or_below(std::string_view path, std::string_view section) {
  if (!path.starts_with(section)) return false;
  return path.size() == section.size() || path[section.size()] == '.' || path[section.size()] == '[';
}

/// "train.yaml:12:7: train.epochs", or of an option that sets it "--set train.epochs".
std::string whereabouts(const Location& location, std::string_view path) {
  const std::string place = location.to_string();
  if (path.empty()) return place;
  const bool is_option = location.line == 0 && place.starts_with(kOption);
  if (is_option && is_at_or_below(path, std::string_view(place).substr(kOption.size())))
    return fmt::format("{}{}", kOption, path);
  return fmt::format("{}: {}", place, path);
}

}  // namespace

void Diagnostics::error(const Location& location, std::string_view path, std::string_view message) {
  lines_.push_back(
      {location, std::string(path), fmt::format("{}: {}", whereabouts(location, path), message)});
}

void Diagnostics::error(std::string_view path, std::string_view message) {
  error(document_ ? deepest(*document_, path).place() : Location(), path, message);
}

void Diagnostics::add(const ConfigError& error) { lines_.push_back({Location(), "", error.what()}); }

bool Diagnostics::has_error_at(std::string_view path) const {
  return std::ranges::any_of(lines_, [&](const Line& line) { return is_at_or_below(line.path, path); });
}

bool Diagnostics::has_error_about(std::string_view path) const {
  const auto is_about = [&](const Line& line) {
    return is_at_or_below(line.path, path) || is_at_or_below(path, line.path);
  };
  return std::ranges::any_of(lines_, is_about);
}

std::string Diagnostics::text() const {
  std::vector<const Line*> ordered;
  for (const Line& line : lines_) ordered.push_back(&line);
  std::stable_sort(ordered.begin(), ordered.end(), [](const Line* a, const Line* b) {
    // What the command line says comes after the file.
    const auto order = [](const Location& l) { return std::tuple(l.line == 0, l.line, l.column); };
    return order(a->location) < order(b->location);
  });
  std::string text;
  for (const Line* line : ordered) text += (text.empty() ? "" : "\n") + line->text;
  return text;
}

void Diagnostics::throw_if_any() const {
  if (!empty()) throw ConfigError("{}", text());
}

}  // namespace convoy::config
