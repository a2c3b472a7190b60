#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/arena.h"
#include "core/function_ref.h"
#include "core/profiler.h"
#include "layers/executor.h"
#include "layers/network.h"
#include "layers/worker_pool.h"

namespace convoy {

/// Samples in a slice of evaluation and prediction, the last one excepted: fixed, so that a sample's figures
/// depend on neither the training's batch nor the ranks.
inline constexpr std::int64_t kEvaluationSlice = 16;

/// What a slice of the split gave.
struct EvaluatedSlice {
  std::int64_t first = 0;  ///< position of its first sample in the split
  std::int64_t samples = 0;
  std::span<const float> output;         ///< [samples, classes]
  std::span<const std::int32_t> labels;  ///< [samples]
};

/// Runs a model forward with moving statistics and without dropout, over a split cut into slices.
class Evaluator {
 public:
  using Visit = FunctionRef<void(std::int64_t slice, const EvaluatedSlice& result)>;

  virtual ~Evaluator() = default;
  /// Evaluates slices [first_slice, last_slice) of the split that the evaluator was made for. `visit` is
  /// called once a slice, and maybe by several threads at once.
  virtual void run(std::int64_t first_slice, std::int64_t last_slice, const SliceSource& source,
                   std::span<const float> parameters, std::span<const float> statistics, Visit visit) = 0;

  virtual std::size_t memory_bytes() const = 0;
  /// Where the time goes.
  virtual Profiler& profiler() = 0;

  static std::int64_t slices(std::int64_t total) { return (total + kEvaluationSlice - 1) / kEvaluationSlice; }
};

/// Evaluates with a network's kernels in the pool's threads.
class NetworkEvaluator : public Evaluator {
 public:
  /// Plans the network for the slices of a split of `total` samples. Network and pool must outlive the
  /// evaluator.
  NetworkEvaluator(Network& network, WorkerPool& pool, std::int64_t total);

  void run(std::int64_t first_slice, std::int64_t last_slice, const SliceSource& source,
           std::span<const float> parameters, std::span<const float> statistics, Visit visit) override;
  std::size_t memory_bytes() const override;
  Profiler& profiler() override { return profiler_; }

 private:
  void run_slice(int worker, std::int64_t first, std::int64_t samples, const SliceSource& source);

  Network& network_;
  WorkerPool& pool_;
  std::int64_t total_;
  MemoryPlan plan_;
  std::vector<std::vector<double>>
      batch_values_;             ///< one a block: moving mean and variance where it normalizes
  std::vector<Arena> contexts_;  ///< one a worker
  std::vector<Arena> workspaces_;
  Profiler profiler_;
};

}  // namespace convoy
