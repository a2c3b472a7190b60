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
#include "launcher/cpu_engine.h"
#include "launcher/rank_meeting.h"
#include "launcher/stepper.h"
#include "launcher/training_state.h"
#include "launcher/watchdog.h"
#include "layers/executor.h"

namespace convoy {

/// Steps on this host's cores.
class StepRunner : public Stepper {
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
  StepRunner(CpuEngine& engine, const InputPipeline& pipeline, const Optimizer& optimizer,
             TrainingState& state, Communicator& communicator, const Options& options);

  /// Step `number` of the run, from 0. Collective.
  StepResult step(std::int64_t number);

  void take(std::int64_t first, std::span<StepResult> results) override;
  void request(std::uint32_t bits) override { meeting_.request(bits); }
  void fetch_moments() override;
  const BatchPlan& batches() const override { return batches_; }
  Profiler& profiler() override { return executor_.profiler(); }
  std::size_t memory_bytes() const override { return executor_.memory_bytes(); }

 private:
  /// What a worker updates weights with, kept so that no step allocates.
  struct Updater {
    UpdateRange range;
    Arena room = Arena(kNormBlock * sizeof(float));
  };
  double squared_norm();
  void update(const UpdateStep& step);

  CpuEngine& engine_;
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
