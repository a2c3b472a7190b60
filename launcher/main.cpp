#include <cstdio>
#include <fmt/format.h>
#include <map>
#include <optional>

#include "launcher/agreement.h"
#include "launcher/bus_error.h"
#include "launcher/command_line.h"
#include "launcher/complaint.h"
#include "launcher/failure.h"
#include "launcher/openblas_core.h"

namespace {

using namespace convoy;

ExitCode run(const CommandLine& line, World& world) {
  static const std::map<std::string, ExitCode (*)(const CommandLine&, World&)> kCommands{
      {"train", run_train}, {"evaluate", run_evaluate}, {"predict", run_predict}, {"summary", run_summary},
      {"check", run_check}, {"bench", run_bench},       {"diff", run_diff},       {"schema", run_schema}};
  return kCommands.at(line.command)(line, world);
}

/// An error that one rank alone knows of takes the others down, who may be waiting for it.
ExitCode alone(const World& world, ExitCode code, const std::string& what) {
  complain(world, what);
  if (world.size() > 1) world.abort(code);
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  restart_with_openblas_core(argv);
  std::optional<World> world;
  try {
    world.emplace();
  } catch (const Error& error) {
    fmt::print(stderr, "convoy: {}\n", error.what());
    return static_cast<int>(error.code());
  }
  explain_bus_errors();
  const auto line = read_command_line(argc, argv, world->rank() == 0);
  if (const ExitCode* code = std::get_if<ExitCode>(&line)) return static_cast<int>(*code);
  ExitCode code = ExitCode::ok;
  try {
    code = run(std::get<CommandLine>(line), *world);
  } catch (const AgreedError& error) {
    if (world->rank() == 0) fmt::print(stderr, "{}\n", error_text(error.what()));
    code = error.code();
  } catch (const std::exception& error) {
    code = alone(*world, exit_code_of(error), message_of(error));
  }
  std::fflush(stdout);
  return static_cast<int>(code);
}
