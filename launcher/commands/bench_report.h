#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/profiler.h"
#include "launcher/engine.h"
#include "launcher/machine_peaks.h"
#include "launcher/metrics_writer.h"
#include "layers/model.h"

namespace convoy {

/// What bench has measured, on rank 0.
struct BenchMeasurement {
  bool evaluation = false;    ///< passes over a split rather than steps of training
  std::vector<double> rates;  ///< images a second of all ranks, one a group of steps
  double images = 0;          ///< of all ranks
  double seconds = 0;
  int ranks = 1, threads = 1;
  double batch = 1;          ///< images of a step of all ranks
  double slice_samples = 1;  ///< the mean
  std::size_t slots = 0;     ///< moments of the optimizer
  std::string isa;
  MachinePeaks peaks;
};

/// docs/bench.md explains each field.
MetricsEvent bench_json(const BenchMeasurement& measured, const Profiler& profiler, const Model& model,
                        std::span<const EngineBlock> blocks);

/// The same for people, in lines of at most 120 characters.
std::string bench_text(const MetricsEvent& json);

}  // namespace convoy
