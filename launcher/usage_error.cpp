#include "launcher/usage_error.h"

#include <algorithm>
#include <fmt/format.h>

#include "core/config/scalar.h"
#include "core/config/type.h"

namespace convoy {

namespace {

const CLI::App& command_of(const CLI::App& app) {
  const auto given = app.get_subcommands();
  return given.empty() ? app : *given.front();
}

/// "--run-dir DIR", or of a positional one "CONFIG".
std::string usage_of(const CLI::Option& option) {
  const std::string& value = option.get_option_text();
  return option.get_positional() ? option.get_name() : fmt::format("{} {}", option.get_name(), value);
}

/// What the command does not know of what was given: an option first, empty where there is nothing.
std::string unknown_argument(const CLI::App& command) {
  const std::vector<std::string> unknown = command.remaining();
  if (unknown.empty()) return "";
  const auto option = std::ranges::find_if(unknown, [](const auto& word) { return word.starts_with('-'); });
  if (option == unknown.end()) return fmt::format("'{}' is one argument too many", unknown.back());
  const std::string name = option->substr(0, option->find('='));
  std::vector<std::string> names;
  for (const CLI::Option* known : command.get_options())
    for (const std::string& long_name : known->get_lnames()) names.push_back("--" + long_name);
  const std::string near = config::nearest_name(name, names);
  return fmt::format("no option {}{}", name, near.empty() ? "" : fmt::format("; did you mean {}?", near));
}

std::string missing_argument(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options())
    if (option->get_required() && option->count() == 0)
      return fmt::format("{} is missing", usage_of(*option));
  return "";
}

/// The option that an error of the parser begins with: "--run-dir: 1 required TEXT missing".
const CLI::Option* blamed_option(const CLI::App& command, const std::string& text) {
  const std::string name = text.substr(0, text.find(':'));
  const auto options = command.get_options();
  const auto found = std::ranges::find_if(options, [&](const auto* o) { return o->get_name() == name; });
  return found == options.end() ? nullptr : *found;
}

std::string mistake(const CLI::App& command, const CLI::ParseError& error) {
  if (std::string unknown = unknown_argument(command); !unknown.empty()) return unknown;
  const std::string text = error.what();
  if (dynamic_cast<const CLI::RequiredError*>(&error))
    if (std::string missing = missing_argument(command); !missing.empty()) return missing;
  if (dynamic_cast<const CLI::ExcludesError*>(&error)) return text + "; give one of them";
  const CLI::Option* option = blamed_option(command, text);
  if (option && dynamic_cast<const CLI::ArgumentMismatch*>(&error)) {
    if (option->count() > 1) return fmt::format("{} is given {} times", option->get_name(), option->count());
    return fmt::format("{} takes a value: {}", option->get_name(), usage_of(*option));
  }
  return text;
}

}  // namespace

std::string explain(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& command = command_of(app);
  const std::string name = &command == &app ? "convoy" : "convoy " + command.get_name();
  return fmt::format("{}; see {} --help", mistake(command, error), name);
}

CLI::Validator one_of(const std::vector<std::string>& words) {
  const auto check = [words](const std::string& given) {
    if (std::ranges::find(words, given) != words.end()) return std::string();
    return fmt::format("unknown value '{}'{}", given, config::suggestion(given, words));
  };
  return {check, ""};
}

CLI::Validator positive_integer() {
  const auto read = [](std::string& given) {
    const auto number = config::parse_int64(given);
    if (number.problem.empty() && number.value >= 1) {
      given = fmt::to_string(number.value);  // CLI11 reads no "1e3"
      return std::string();
    }
    return fmt::format("'{}' is not an integer of at least 1", given);
  };
  return {read, ""};
}

}  // namespace convoy
