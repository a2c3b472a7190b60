#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/arena.h"
#include "core/function_ref.h"
#include "core/gradient_sink.h"
#include "core/loss.h"
#include "core/profiler.h"
#include "layers/batch_normalizations.h"
#include "layers/network.h"
#include "layers/step_plan.h"
#include "layers/weight_gradients.h"
#include "layers/worker_pool.h"

namespace convoy {

/// Fills slices with samples. Called by several workers at once.
class SliceSource {
 public:
  virtual ~SliceSource() = default;
  /// Samples [first, first + samples) of the global batch (or of the split, in evaluation): input float32 [N,
  /// H, W, C], ready for the first layer, and their labels.
  virtual void fill(std::int64_t first, std::int64_t samples, float* input, std::int32_t* labels) const = 0;
};

/// Where all slices of a global batch meet, over all ranks.
class Meeting {
 public:
  virtual ~Meeting() = default;
  /// `records` holds one record of `width` doubles for each slice of the global batch, in slice order; this
  /// rank has written those of its own slices. On return it holds everybody's.
  virtual void gather(std::span<double> records, std::int64_t width) = 0;
};

using LossFunction = std::function<LossSums(const LossArgs<float>&)>;

/// The whole global batch's figures, equal on all ranks.
struct StepOutcome {
  double loss = 0;  ///< mean over the batch
  double accuracy = 0;
  double top5 = 0;
  /// The layer whose gradient could not be summed (not finite, or too large), the one nearest to the loss.
  std::optional<std::string> bad_layer;
};

/// Runs training steps: this rank's slices, forward and backward, segment by segment.
class Executor {
 public:
  struct Options {
    std::int64_t slices = 1;         ///< of the global batch
    std::int64_t local_slices = 1;   ///< the most that this rank runs in a step
    std::int64_t slice_samples = 1;  ///< the most in one slice
  };

  Executor(Network& network, WorkerPool& pool, LossFunction loss, const Options& options);
  ~Executor();

  /// One step's gradients go to `sink`, and the statistics that follow from it to `new_statistics`.
  StepOutcome step(const StepPlan& plan, const SliceSource& source, std::span<const float> parameters,
                   std::span<const float> statistics, std::span<float> new_statistics, GradientSink& sink,
                   Meeting& meeting);

  std::size_t memory_bytes() const;

  /// The time of the workers, block by block.
  Profiler& profiler() { return profiler_; }

 private:
  struct Step;      ///< the arguments of step(), for the private functions
  struct SliceRun;  ///< one slice at work
  struct Worker;    ///< what a worker keeps from step to step, and the slices that it has at work

  void make_workers();
  std::int64_t group_of(std::size_t segment) const;
  void each_group(Step& step, std::size_t segment, FunctionRef<void(Worker&)> work);
  void fill(Worker& worker);
  void forward(Worker& worker, std::size_t segment);
  void loss(Worker& worker);
  void backward(Worker& worker, std::size_t segment);
  void backward_block(Worker& worker, std::size_t block);
  void sum_gradients(const SliceRun& run, std::size_t block, std::span<void* const> gradients);
  void meet_forward(Step& step, std::size_t segment);
  void meet_backward(Step& step, std::size_t segment);
  StepOutcome conclude(Step& step);
  std::span<double> record_of(std::int64_t slice);
  SliceArgs slice_args(const Worker& worker, const SliceRun& run, std::size_t block) const;
  BackwardArgs backward_args(const Worker& worker, const SliceRun& run, std::size_t block) const;

  Network& network_;
  WorkerPool& pool_;
  LossFunction loss_;
  Options options_;
  MemoryPlan plan_;
  BatchNormalizations normalizations_;
  Profiler profiler_;
  std::size_t first_trainable_ = 0;  ///< blocks before it need no backward pass
  std::int64_t record_width_ = 0;
  std::vector<double> records_;       ///< one a slice of the global batch
  std::vector<std::int64_t> groups_;  ///< by segment: slices that a worker takes at a time
  std::vector<Arena> contexts_;       ///< one a slice at work, or one a local slice where segments meet
  std::vector<Arena> own_;            ///< one a local slice
  std::vector<std::unique_ptr<Worker>> workers_;
  std::optional<WeightGradients> weight_gradients_;
};

}  // namespace convoy
