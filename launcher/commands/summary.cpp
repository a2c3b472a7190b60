#include "layers/summary.h"

#include <fmt/format.h>

#include "launcher/agreement.h"
#include "launcher/commands/command.h"
#include "launcher/commands/inputs.h"

namespace convoy {

ExitCode run_summary(const CommandLine& line, World& world) {
  Setup setup;
  agree(*world.communicator(),
        [&] { setup = read_setup(config_or_run(line.config).config, line.overrides); });
  if (world.rank() != 0) return ExitCode::ok;
  const std::string& name = setup.experiment.name;
  fmt::print("{}\n", line.json ? summary_json(setup.model, name) : summary_text(setup.model, name));
  return ExitCode::ok;
}

}  // namespace convoy
