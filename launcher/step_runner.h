#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "comm/gradient_reducer.h"
#include "core/data/batch_plan.h"
#include "core/data/input_pipeline.h"
#include "core/optim/optimizer.h"
#include "core/optim/schedule.h"
#include "launcher/engine.h"
#include "launcher/rank_meeting.h"
#include "launcher/training_state.h"
#include "launcher/watchdog.h"
#include "layers/executor.h"

namespace convoy {

/// What one step did; equal on all ranks.
struct StepResult {
  std::int64_t samples = 0;
  double loss = 0;  ///< mean over the global batch, before the update
  double accuracy = 0;
  double top5 = 0;
  double learning_rate = 0;
  /// Why the weights were left as they were: "the gradient of layer 'dense' is not finite, or larger than …".
  std::optional<std::string> refused;
  std::uint32_t requests = 0;  ///< what the ranks asked for (RankMeeting)
};

/// Takes training steps: every rank's part of the global batch, the sum of the gradients, the sharded update,
/// and the new weights back to all. Decisions follow from values that all ranks share, so no two can differ.
class StepRunner {
 public:
  struct Options {
    BatchPlan::Options batches;
    LossFunction loss;
    LearningRate learning_rate;
    std::optional<double> global_clipnorm;
    GradientReducer::Mode reduce = GradientReducer::Mode::exact;
    std::optional<std::int64_t> bucket_bytes{};
    Watchdog* watchdog = nullptr;  ///< told of progress, if any
  };

  /// The engine, pipeline, optimizer and state must outlive the runner. Collective.
  StepRunner(Engine& engine, const InputPipeline& pipeline, const Optimizer& optimizer, TrainingState& state,
             Communicator& communicator, const Options& options);

  /// Step `number` of the run, from 0. Collective.
  StepResult step(std::int64_t number);

  const BatchPlan& batches() const { return batches_; }
  /// For the next step's request().
  RankMeeting& meeting() { return meeting_; }
  /// All-gathers the moments, of which each rank holds a part. Collective.
  void gather_moments();
  /// Where this rank's time goes.
  Profiler& profiler() { return executor_.profiler(); }
  std::size_t memory_bytes() const { return executor_.memory_bytes(); }

 private:
  /// What a worker updates weights with, kept so that no step allocates.
  struct Updater {
    UpdateRange range;
    Arena room = Arena(kNormBlock * sizeof(float));
  };
  double squared_norm();
  void update(const UpdateStep& step);

  Engine& engine_;
  const InputPipeline& pipeline_;
  const Optimizer& optimizer_;
  TrainingState& state_;
  Options options_;
  BatchPlan batches_;
  IndexRange own_slices_;
  std::unique_ptr<Communicator> meeting_communicator_;
  RankMeeting meeting_;
  GradientReducer reducer_;
  Executor executor_;
  std::vector<Updater> updaters_;  ///< one a worker
};

}  // namespace convoy
