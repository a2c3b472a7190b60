#include <fmt/format.h>

#include "core/config/experiment.h"
#include "launcher/commands/command.h"
#include "layers/registry.h"

namespace convoy {

ExitCode run_schema(const CommandLine&, World& world) {
  config::Catalogs catalogs;
  catalogs.layers = layer_catalog();
  if (world.rank() == 0) fmt::print("{}\n", config::to_json_schema(catalogs));
  return ExitCode::ok;
}

}  // namespace convoy
