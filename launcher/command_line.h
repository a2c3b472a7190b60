#pragma once

#include <optional>
#include <variant>

#include "launcher/commands/command.h"

namespace convoy {

/// Reads the command line. Returns the process's exit code instead where there is nothing to run (--help,
/// --version, a mistake), having said why if `speak`.
std::variant<CommandLine, ExitCode> read_command_line(int argc, char** argv, bool speak);

}  // namespace convoy
