#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace convoy {

/// A mistake on the command line in Convoy's words: "what; what to do; see convoy train --help".
std::string explain(const CLI::App& app, const CLI::ParseError& error);

/// An option's value must be one of these words …
CLI::Validator one_of(const std::vector<std::string>& words);
/// … or an integer of at least 1.
CLI::Validator positive_integer();

}  // namespace convoy
