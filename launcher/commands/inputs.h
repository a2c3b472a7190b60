#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "launcher/commands/command.h"
#include "launcher/cpu_engine.h"
#include "launcher/setup.h"
#include "launcher/stall_guard.h"

namespace convoy {

/// CONFIG|RUN as the user gave it.
struct ConfigOrRun {
  std::string config;                        ///< the YAML to read
  std::optional<std::filesystem::path> run;  ///< the run directory, if it is one
};
/// Throws ConfigError where there is neither.
ConfigOrRun config_or_run(const std::string& argument);

/// Where weights come from: --weights, else of a run best.safetensors (final.safetensors with --final), else
/// of a config model.weights (unless --final), else those of runs/<name>. Throws ConfigError where there are
/// none.
std::filesystem::path choose_weights(const CommandLine& line, const ConfigOrRun& input, const Setup& setup);

/// The file to write for an option's argument; a link's target, so that the link stays. Throws ConfigError,
/// before any work, where no file can be there: without a directory around it, or in place of a directory, a
/// device or a pipe, which a finished file would replace.
std::filesystem::path output_file(std::string_view option, const std::string& argument);

/// read_setup(), with the guard told the config's timeout and that the data comes next.
Setup read_guarded(const std::string& config, const std::vector<std::string>& overrides, StallGuard& guard);

/// Throws ConfigError where there are more ranks than slices.
void require_slices(const Setup& setup, const World& world);

/// How many cores each rank may count on, in rank order. Collective.
std::vector<double> gather_core_shares(const World& world, Communicator& communicator);

/// Threads for this rank (distributed.threads_per_rank, or its share of the cores that the host lends its
/// ranks), and the instruction set, to which it pins the process's libraries if the config says so.
/// Collective.
CpuEngine::Options engine_options(const config::Experiment& experiment, const World& world,
                                  Communicator& communicator);

/// What computes for a setup in this rank; the setup must outlive it. Throws ConfigError, DeviceError.
std::unique_ptr<Engine> make_engine(const Setup& setup, const CpuEngine::Options& options);
/// The same with the options that follow from the setup. Collective.
std::unique_ptr<Engine> make_engine(const Setup& setup, const World& world, Communicator& communicator);

/// A model with the weights that the command line names, ready to run forward.
struct WeightedModel {
  Setup setup;
  std::unique_ptr<Engine> engine;
  std::optional<TrainingState> state;

  /// Says which weights, unless it is to be quiet. Collective. Throws ConfigError, CheckpointError.
  void load(const CommandLine& line, const World& world, Communicator& communicator, StallGuard& guard);
};

}  // namespace convoy
