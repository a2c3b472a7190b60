#include "core/config/reference.h"

#include <cctype>
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
  return node.is_scalar() && node.text.empty() ? "" : fmt::format("`{}`", write_line(node));
}

}  // namespace

void Reference::table(const std::string& path, const StructType& type) {
  if (!inside_alternative_) write_waiting();
  if (heading_.empty() && !path.empty()) heading_ = fmt::format("## `{}`\n\n", path);
  markdown_ += heading_;
  heading_.clear();
  if (type.fields().empty()) return;
  markdown_ += "| key | value | default | meaning |\n| --- | --- | --- | --- |\n";
  for (const Field& field : type.fields()) {
    const std::string key = field.inlined ? "one of " + field.type->text() : fmt::format("`{}`", field.name);
    const std::string value = field.inlined ? "a mapping, see below" : field.type->text();
    markdown_ += fmt::format("| {} | {} | {} | {} |\n", key, cell(value), cell(default_cell(type, field)),
                             cell(field.help));
  }
  markdown_ += "\n";
}

void Reference::alternative(const std::string& path, const std::string& name, const std::string& help,
                            const Type& type) {
  if (!told_.insert(fmt::format("{}: {}", name, help)).second) return;
  const Alternative alternative{path, name, help, &type};
  if (inside_alternative_) {
    waiting_.push_back(alternative);
  } else {
    write(alternative);
  }
}

void Reference::write(const Alternative& alternative) {
  const auto& [path, name, help, type] = alternative;
  const std::string key = path.substr(path.rfind('.') + 1);  // all of it without a dot
  heading_ = fmt::format("### `{}` in `{}`\n\n{}{}.\n\n", name, key.substr(0, key.find('[')),
                         static_cast<char>(std::toupper(help[0])), help.substr(1));
  inside_alternative_ = true;
  type->document(*this, path + "." + name);
  inside_alternative_ = false;
}

void Reference::write_waiting() {
  while (!waiting_.empty()) {
    for (const Alternative& alternative : std::exchange(waiting_, {})) write(alternative);
  }
}

std::string Reference::markdown() {
  write_waiting();
  return markdown_;
}

}  // namespace convoy::config
