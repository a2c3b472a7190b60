#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "launcher/run_directory.h"

namespace convoy {

/// Where the records of two runs first differ. Figures of time (seconds, images a second) are not compared.
struct MetricDifference {
  std::string event;  ///< "step", "epoch", "end"
  std::string place;  ///< "step 150", "epoch 3", "end at step 200"
  std::string field;  ///< "loss"
  std::string first;  ///< as JSON; "absent" where a run lacks the field
  std::string second;
};

/// The first tensor, in the file's order, that differs between two files.
struct TensorDifference {
  std::string file;     ///< "checkpoints/step-1563/weights.safetensors"
  std::string tensor;   ///< "conv2d/kernel"
  std::string problem;  ///< a difference that is not of values: "absent in the second run"; else empty
  std::int64_t elements = 0;
  std::int64_t differing = 0;
  std::int64_t first_index = 0;  ///< of the elements that differ, row-major
  double first_value = 0;
  double second_value = 0;
  double largest = 0;  ///< the largest absolute difference
};

struct RunDifference {
  std::int64_t events_compared = 0;
  std::optional<MetricDifference> metrics;

  std::vector<std::int64_t> steps_compared;  ///< of checkpoints that both have
  bool final_compared = false;
  std::optional<TensorDifference> tensor;

  bool equal() const { return !metrics && !tensor; }
};

/// The first event in both runs' metrics, and the first tensor of their common checkpoints and final weights,
/// that differ by a single bit. Events are matched by step and epoch, so runs that log at different steps, or
/// of which one stopped earlier, are compared where both have something; final weights where both ended at
/// the same step. Throws CheckpointError where a file cannot be read, ConfigError where a directory holds no
/// run.
RunDifference compare_runs(const RunPaths& first, const RunPaths& second);

/// The first tensor that differs; `name` is what the result calls the file.
std::optional<TensorDifference> compare_tensor_files(const std::filesystem::path& first,
                                                     const std::filesystem::path& second,
                                                     const std::string& name);

/// A few lines for the user.
std::string describe(const RunDifference& difference);

}  // namespace convoy
