#include <algorithm>
#include <cctype>

#include "core/config/node.h"
#include "core/config/scalar.h"

namespace convoy::config {
namespace {

constexpr std::size_t kLineLength = 100;

std::string quote(const std::string& text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string result = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += {'\\', c};
    } else if (c == '\n') {
      result += "\\n";
    } else if (byte < 0x20 || byte == 0x7F) {
      result += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    } else {
      result += c;
    }
  }
  return result + "\"";
}

std::string key_text(const std::string& key) { return is_plain_text(key) ? key : quote(key); }

std::string flow(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return "null";
    case Node::Kind::scalar:
      return node.quoted ? quote(node.text) : node.text;
    case Node::Kind::list:
    case Node::Kind::mapping:
      break;
  }
  std::string result(node.is_list() ? "[" : "{");
  for (const Node& child : node.children) {
    if (result.size() > 1) result += ", ";
    if (node.is_mapping()) result += key_text(child.key) + ": ";
    result += flow(child);
  }
  return result + (node.is_list() ? "]" : "}");
}

void write_block(const Node& node, std::size_t indent, std::string& out);

/// What follows "key:" or "-".
void write_after(const Node& child, bool in_list, std::size_t indent, std::size_t column, std::string& out) {
  const std::string line = flow(child);
  if (child.children.empty() || column + line.size() < kLineLength) {
    out += " " + line + "\n";
  } else if (in_list && child.is_mapping()) {
    // "- conv2d:": the first key stands beside its dash.
    std::string block;
    write_block(child, indent + 2, block);
    out += block.substr(indent + 1);
  } else {
    out += "\n";
    write_block(child, indent + 2, out);
  }
}

void write_block(const Node& node, std::size_t indent, std::string& out) {
  for (const Node& child : node.children) {
    const std::string head = std::string(indent, ' ') + (node.is_list() ? "-" : key_text(child.key) + ":");
    out += head;
    write_after(child, node.is_list(), indent, head.size(), out);
  }
}

}  // namespace

bool is_plain_text(std::string_view text) {
  const auto is_letter = [](char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; };
  const auto is_inner = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("_-./+").find(c) != std::string_view::npos;
  };
  if (text.empty() || !(is_letter(text.front()) || text.front() == '_' || text.front() == '/')) return false;
  if (!std::all_of(text.begin(), text.end(), is_inner)) return false;
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const char* word : {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}) {
    if (lower == word) return false;
  }
  return true;
}

std::string write_line(const Node& node) { return flow(node); }

std::string write_yaml(const Node& node) {
  if (node.children.empty()) return flow(node) + "\n";
  std::string out;
  write_block(node, 0, out);
  return out;
}

}  // namespace convoy::config
