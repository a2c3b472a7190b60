#include "core/config/type.h"

#include <algorithm>
#include <fmt/format.h>
#include <numeric>

#include "core/config/scalar.h"

namespace convoy::config {

std::string Place::possible(const std::string& values) const {
  return keyword.empty() ? values : with_keyword(keyword, values);
}

bool Place::error(std::string_view message) const {
  diagnostics.error(node.place(), path, message);
  return false;
}

bool Place::error(std::string_view key, std::string_view message) const {
  const Node* found = node.find(key);
  const Location& location = found ? found->place() : node.place();
  diagnostics.error(location, path.empty() ? std::string(key) : path + "." + std::string(key), message);
  return false;
}

Rule Rule::at_most(double limit) const {
  Rule rule = *this;
  rule.maximum = limit;
  rule.open_maximum = false;
  return rule;
}

Rule Rule::below(double limit) const {
  Rule rule = at_most(limit);
  rule.open_maximum = true;
  return rule;
}

Rule Rule::items(std::size_t least, std::size_t most) const {
  Rule rule = *this;
  rule.min_items = least;
  rule.max_items = most;
  return rule;
}

std::string Rule::text() const {
  const std::string low = minimum ? write_number(*minimum) : "";
  const std::string high = maximum ? write_number(*maximum) : "";
  if (minimum && maximum && !open_minimum && !open_maximum) return fmt::format(" from {} to {}", low, high);
  std::string text;
  if (minimum) text += fmt::format(" {} {}", open_minimum ? "above" : "of at least", low);
  if (maximum)
    text += fmt::format("{} {} {}", minimum ? " and" : "", open_maximum ? "below" : "of at most", high);
  return text;
}

bool Rule::allows(double value) const {
  if (minimum && (open_minimum ? value <= *minimum : value < *minimum)) return false;
  if (maximum && (open_maximum ? value >= *maximum : value > *maximum)) return false;
  return true;
}

bool Type::claims(const Node& /*node*/) const { return false; }
void Type::document(Reference& /*reference*/, const std::string& /*path*/) const {}

std::string describe_node(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return "nothing";
    case Node::Kind::list:
      return "a list";
    case Node::Kind::mapping:
      return "a mapping";
    case Node::Kind::scalar:
      break;
  }
  constexpr std::size_t kLongest = 60;
  std::size_t end = std::min(node.text.size(), kLongest);
  // Not in the middle of a character.
  while (end < node.text.size() && (static_cast<unsigned char>(node.text[end]) & 0xC0) == 0x80) --end;
  std::string shown = node.text.substr(0, end) + (end < node.text.size() ? "…" : "");
  std::replace_if(
      shown.begin(), shown.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return node.quoted ? "\"" + shown + "\"" : "'" + shown + "'";
}

namespace {

/// Levenshtein's distance, with a swap of neighbours as one edit (optimal string alignment).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, replace});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

/// "Conv2D", "conv_2d" and "conv2d" are the same word to a person.
std::string folded(std::string_view word) {
  std::string result;
  for (const char c : word) {
    if (c != '_' && c != '-' && c != ' ')
      result += static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  }
  return result;
}

}  // namespace

std::string nearest_name(std::string_view word, const std::vector<std::string>& known) {
  constexpr std::size_t kLongestWord = 64;
  if (word.size() > kLongestWord) return "";
  const std::string wanted = folded(word);
  const std::size_t limit = std::max<std::size_t>(1, wanted.size() / 3);
  std::string best;
  std::size_t best_distance = limit + 1;
  for (const std::string& name : known) {
    const std::string candidate = folded(name);
    // "cosine" for "cosine_decay"
    const bool begins = wanted.size() >= 3 && candidate.starts_with(wanted);
    const std::size_t distance = std::min(edit_distance(wanted, candidate), begins ? limit : limit + 1);
    if (distance < best_distance) {
      best_distance = distance;
      best = name;
    }
  }
  return best;
}

std::string suggestion(std::string_view word, const std::vector<std::string>& known) {
  const std::string near = nearest_name(word, known);
  if (!near.empty()) return fmt::format("; did you mean '{}'?", near);
  return known.empty() ? "; there is none" : "; possible: " + join_names(known);
}

std::string unknown_value(const Node& node, std::string_view meant) {
  return fmt::format("unknown value {}; did you mean '{}'?", describe_node(node), meant);
}

std::string with_keyword(const std::string& keyword, const std::string& values) {
  return keyword + (values.find(" or ") == std::string::npos ? " or " : ", ") + values;
}

std::string join_names(const std::vector<std::string>& names, std::string_view last) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? fmt::format(" {} ", last) : ", ";
    text += names[i];
  }
  return text;
}

}  // namespace convoy::config
