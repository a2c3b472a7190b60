#include "launcher/commands/inputs.h"

#include <nlohmann/json.hpp>

#include "core/cpu/libraries.h"
#include "launcher/collective.h"
#include "launcher/run_directory.h"
#include "launcher/same_setup.h"
#include "launcher/topology.h"
#include "launcher/wording.h"

namespace convoy {

ConfigOrRun config_or_run(const std::string& argument) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (!fs::is_directory(argument, error)) return {argument, std::nullopt};
  const fs::path resolved = fs::path(argument) / "resolved.yaml";
  if (!fs::exists(resolved, error))
    throw ConfigError(
        "{}: is a directory without a resolved.yaml, so no run; give a config or a run directory", argument);
  return {resolved.string(), fs::path(argument)};
}

std::filesystem::path choose_weights(const CommandLine& line, const ConfigOrRun& input, const Setup& setup) {
  namespace fs = std::filesystem;
  if (line.weights) return *line.weights;
  const RunPaths run{input.run.value_or(fs::path("runs") / setup.experiment.name)};
  if (!input.run && !line.final_weights && setup.experiment.model.weights)
    return *setup.experiment.model.weights;
  const fs::path chosen = line.final_weights ? run.final_weights() : run.best_weights();
  std::error_code error;
  if (fs::exists(chosen, error)) return chosen;
  if (!line.final_weights && fs::exists(run.final_weights(), error)) return run.final_weights();
  throw ConfigError("no weights: {} does not exist; train first, or give --weights FILE.safetensors",
                    chosen.string());
}

std::filesystem::path output_file(std::string_view option, const std::string& argument) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::path file = argument;
  for (int links = 0; links < 40 && fs::is_symlink(file, error); ++links)
    file = file.parent_path() / fs::read_symlink(file, error);
  const fs::file_status status = fs::status(file, error);
  if (file.empty() || fs::is_directory(status))
    throw ConfigError("{} {}: is {}; give the file to write", option, argument,
                      file.empty() ? "no name" : "a directory");
  if (fs::exists(status) && !fs::is_regular_file(status))
    throw ConfigError("{} {}: is a device or a pipe, and would be replaced; give the file to write", option,
                      argument);
  const fs::path parent = fs::absolute(file).parent_path();
  if (!fs::is_directory(parent, error))
    throw ConfigError("{} {}: there is no directory {}; make it first", option, argument, parent.string());
  return file;
}

Setup read_guarded(const std::string& config, const std::vector<std::string>& overrides, StallGuard& guard) {
  guard.watchdog().enter("reading the config", 0);
  Setup setup = read_setup(config, overrides);
  guard.set_timeout(setup.experiment.distributed.stall_timeout_s);
  guard.watchdog().enter("opening the files, or waiting for other ranks to do so", 0);
  return setup;
}

void require_slices(const Setup& setup, const World& world) {
  const std::int64_t slices = *setup.experiment.train.slices;
  if (slices >= world.size()) return;
  config::Diagnostics diagnostics = setup.diagnostics;
  diagnostics.error(
      "train.slices",
      fmt::format("{} cannot be shared by {} ranks; start at most {}, or set train.slices to at "
                  "least {}",
                  counted(slices, "slice"), world.size(), counted(slices, "rank"), world.size()));
  diagnostics.throw_if_any();
}

std::vector<double> gather_core_shares(const World& world, Communicator& communicator) {
  std::vector<AllowedCpus> facts;
  for (const std::string& text :
       gather_texts(communicator, nlohmann::json(read_allowed_cpus(affinity_mask())).dump()))
    facts.push_back(nlohmann::json::parse(text).get<AllowedCpus>());
  return core_shares(world.hosts(), facts);
}

CpuEngine::Options engine_options(const config::Experiment& experiment, const World& world,
                                  Communicator& communicator) {
  CpuEngine::Options options;
  options.isa = experiment.distributed.cpu_isa.value_or(widest_isa());
  agree(communicator, [&] {
    if (experiment.distributed.cpu_isa) pin_libraries(options.isa);
  });
  options.kernels = experiment.train.kernels;
  options.precision = experiment.train.precision;
  const std::vector<int> automatic = threads_for_ranks(gather_core_shares(world, communicator));
  options.threads =
      experiment.distributed.threads_per_rank.value_or(automatic[static_cast<std::size_t>(world.rank())]);
  return options;
}

std::unique_ptr<Engine> make_engine(const Setup& setup, const CpuEngine::Options& options) {
  return std::make_unique<CpuEngine>(setup.model, options);
}

std::unique_ptr<Engine> make_engine(const Setup& setup, const World& world, Communicator& communicator) {
  const CpuEngine::Options options = engine_options(setup.experiment, world, communicator);
  std::unique_ptr<Engine> engine;
  agree(communicator, [&] { engine = make_engine(setup, options); });
  return engine;
}

void WeightedModel::load(const CommandLine& line, const World& world, Communicator& communicator,
                         StallGuard& guard) {
  std::filesystem::path weights;
  agree(communicator, [&] {
    const ConfigOrRun input = config_or_run(line.config);
    setup = read_guarded(input.config, line.overrides, guard);
    weights = choose_weights(line, input, setup);
  });
  require_same_config(setup, communicator);
  engine = make_engine(setup, world, communicator);
  agree(communicator, [&] {
    state.emplace(setup.model, std::vector<std::string>{});
    state->load_weights(SafetensorsFile(weights));
  });
  require_same_weights(*state, weights.string(), communicator);
  if (world.rank() == 0 && !line.quiet) fmt::print(stderr, "weights: {}\n", weights.string());
}

}  // namespace convoy
