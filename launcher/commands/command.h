#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "comm/world.h"

namespace convoy {

/// What the command line says, for all commands; each reads its own part.
struct CommandLine {
  std::string command;
  std::string config;                  ///< CONFIG, or a run directory where the command takes one
  std::string other;                   ///< the second run of `diff`
  std::vector<std::string> overrides;  ///< --set key.path=value
  bool quiet = false;
  bool json = false;

  std::optional<std::string> run_dir;
  std::optional<std::string> resume;
  std::optional<std::string> weights;
  std::optional<std::string> output;
  std::optional<std::string> trace;
  std::string split = "test";
  std::vector<std::string> images;
  bool final_weights = false;
  std::optional<std::int64_t> steps;
  bool evaluation = false;
};

/// One function a command. Each throws Error, and otherwise returns what the process returns.
ExitCode run_train(const CommandLine& line, World& world);
ExitCode run_evaluate(const CommandLine& line, World& world);
ExitCode run_predict(const CommandLine& line, World& world);
ExitCode run_summary(const CommandLine& line, World& world);
ExitCode run_check(const CommandLine& line, World& world);
ExitCode run_bench(const CommandLine& line, World& world);
ExitCode run_diff(const CommandLine& line, World& world);
ExitCode run_schema(const CommandLine& line, World& world);

}  // namespace convoy
