#include "core/config/diagnostics.h"

#include <algorithm>
#include <fmt/format.h>
#include <tuple>

namespace convoy::config {

void Diagnostics::error(const Location& location, std::string_view path, std::string_view message) {
  std::string text = path.empty() ? fmt::format("{}: {}", location.to_string(), message)
                                  : fmt::format("{}: {}: {}", location.to_string(), path, message);
  lines_.push_back({location, std::string(path), std::move(text)});
}

void Diagnostics::error(std::string_view path, std::string_view message) {
  error(document_ ? deepest(*document_, path).place() : Location(), path, message);
}

void Diagnostics::add(const ConfigError& error) { lines_.push_back({Location(), "", error.what()}); }

bool Diagnostics::has_error_at(std::string_view path) const {
  return std::any_of(lines_.begin(), lines_.end(), [&](const Line& line) {
    if (!line.path.starts_with(path)) return false;
    return line.path.size() == path.size() || line.path[path.size()] == '.' || line.path[path.size()] == '[';
  });
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
