#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/config/experiment.h"
#include "core/data/input_pipeline.h"
#include "core/loss.h"
#include "launcher/step_runner.h"
#include "layers/model.h"

namespace convoy {

/// A config, read and checked, and what follows from it.
struct Setup {
  config::Catalogs catalogs;
  config::Experiment experiment;
  Model model;
  config::Diagnostics diagnostics;    ///< of the config's document, to report what the data shows to be wrong
  std::vector<std::string> warnings;  ///< what is allowed and probably not meant
  std::vector<std::string> derived;   ///< keys whose values open_data() has worked out from others

  /// The pictures; null before open_data(). `validation` is null without one.
  DatasetPtr training, validation, test;
};

/// What this build can do.
config::Capabilities capabilities();

/// Reads CONFIG with its overrides and builds the model. Throws ConfigError with every error of the file.
Setup read_setup(const std::string& config, const std::vector<std::string>& overrides);

/// Opens the data, checks that it fits the model, and resolves what depends on it (`dataset` means, a
/// schedule over all steps). Throws DataError, ConfigError.
void open_data(Setup& setup);

/// Throws ConfigError where `mean: dataset` or `std: dataset` still wait for data that has not been opened.
void require_measured(const Setup& setup);

/// How samples of one of the setup's data sets reach the network.
InputPipeline make_pipeline(const Setup& setup, const DatasetPtr& dataset, bool training);

LossFunction make_loss(const config::Experiment& experiment);
std::unique_ptr<Optimizer> make_optimizer(const config::Experiment& experiment, const simd::Table& loops);
GradientReducer::Mode reduction_of(const config::Experiment& experiment);
/// Once the data is open.
StepRunner::Options step_options(const Setup& setup);

/// Steps of the whole training: its epochs, or fewer with train.max_steps.
std::int64_t total_steps(const Setup& setup);

}  // namespace convoy
