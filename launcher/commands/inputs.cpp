#include "launcher/commands/inputs.h"

#include <sched.h>

#include <algorithm>
#include "launcher/run_directory.h"

namespace convoy {

ConfigOrRun config_or_run(const std::string& argument) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (!fs::is_directory(argument, error)) return {argument, std::nullopt};
  const fs::path resolved = fs::path(argument) / "resolved.yaml";
  if (!fs::exists(resolved, error))
    throw ConfigError("{}: is a directory without a resolved.yaml, so no run; give a config or a run directory", argument);
  return {resolved.string(), fs::path(argument)};
}

std::filesystem::path choose_weights(const CommandLine& line, const ConfigOrRun& input, const Setup& setup) {
  namespace fs = std::filesystem;
  if (line.weights) return *line.weights;
  const RunPaths run{input.run.value_or(fs::path("runs") / setup.experiment.name)};
  if (!input.run && setup.experiment.model.weights) return *setup.experiment.model.weights;
  const fs::path chosen = line.final_weights ? run.final_weights() : run.best_weights();
  std::error_code error;
  if (fs::exists(chosen, error)) return chosen;
  if (!line.final_weights && fs::exists(run.final_weights(), error)) return run.final_weights();
  throw ConfigError("no weights: {} does not exist; train first, or give --weights FILE.safetensors", chosen.string());
}

void require_slices(const Setup& setup, const World& world) {
  const std::int64_t slices = *setup.experiment.train.slices;
  if (slices >= world.size()) return;
  throw ConfigError("train.slices: {} slices cannot be shared by {} ranks; start at most {} ranks, or set train.slices to "
                    "at least {}",
                    slices, world.size(), slices, world.size());
}

int threads_for(const config::Experiment& experiment, const World& world) {
  if (const auto& threads = experiment.distributed.threads_per_rank) return *threads;
  cpu_set_t mask;
  CPU_ZERO(&mask);
  const int cores = sched_getaffinity(0, sizeof mask, &mask) == 0 ? CPU_COUNT(&mask) : 1;
  return std::max(1, cores / world.local_size());
}

Engine::Options engine_options(const config::Experiment& experiment, const World& world) {
  return {.isa = experiment.distributed.cpu_isa.value_or(widest_isa()),
          .threads = threads_for(experiment, world),
          .kernels = experiment.train.kernels};
}

void WeightedModel::load(const CommandLine& line, const World& world) {
  const ConfigOrRun input = config_or_run(line.config);
  setup = read_setup(input.config, line.overrides);
  const auto weights = choose_weights(line, input, setup);
  engine.emplace(setup.model, engine_options(setup.experiment, world));
  state.emplace(setup.model, std::vector<std::string>{});
  state->load_weights(SafetensorsFile(weights));
  if (world.rank() == 0 && !line.quiet) fmt::print(stderr, "weights: {}\n", weights.string());
}

}  // namespace convoy
