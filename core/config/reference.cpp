#include "core/config/reference.h"

#include <fmt/format.h>

#include "core/config/fields.h"

namespace convoy::config {
namespace {

/// A bar would end the table's cell.
std::string cell(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '|') result += '\\';
    result += c;
  }
  return result;
}

/// The default as one would write it.
std::string default_cell(const StructType& type, const Field& field) {
  if (field.required) return "required";
  const Node node = type.default_of(field);
  if (node.is_mapping() && !node.children.empty()) return "see below";
  std::string text = write_yaml(node);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return fmt::format("`{}`", text);
}

}  // namespace

void Reference::table(const std::string& path, const StructType& type) {
  if (type.fields().empty()) return;
  if (!path.empty() && !markdown_.ends_with("\n\n")) markdown_ += "\n";
  markdown_ += "| key | value | default | meaning |\n| --- | --- | --- | --- |\n";
  for (const Field& field : type.fields()) {
    const std::string key =
        field.inlined ? fmt::format("one of {}", field.type->text()) : fmt::format("`{}`", field.name);
    const std::string value = field.inlined ? "a mapping of its parameters" : field.type->text();
    markdown_ += fmt::format("| {} | {} | {} | {} |\n", key, cell(value), cell(default_cell(type, field)),
                             cell(field.help));
  }
  markdown_ += "\n";
}

void Reference::alternative(const std::string& path, const std::string& name, const std::string& help,
                            const Type& type) {
  markdown_ += fmt::format("**`{}`** {}: {}.\n\n", name, path.empty() ? "" : fmt::format("({})", path), help);
  type.document(*this, path + "." + name);
}

}  // namespace convoy::config
