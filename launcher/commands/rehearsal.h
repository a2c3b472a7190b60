#pragma once

#include <memory>
#include <optional>

#include "launcher/commands/inputs.h"
#include "launcher/memory_use.h"

namespace convoy {

/// A training without a run directory, whose steps are taken to see how they go.
class Rehearsal {
 public:
  /// Reads the config, opens the data and makes the kernels. Collective. Throws ConfigError, DataError.
  Rehearsal(const std::string& config, const CommandLine& line, const World& world,
            Communicator& communicator, StallGuard& guard);

  const Setup& setup() const { return setup_; }
  const Optimizer& optimizer() const { return *optimizer_; }
  Engine& engine() { return *engine_; }

  /// What training takes; before allocate() without the activations.
  MemoryUse memory() const;
  /// Takes the memory that training needs, without touching it yet. Collective.
  void allocate();

  /// After allocate(): draws the first weights. Then come steps.
  void initialize();
  /// After initialize(): takes model.weights, if the config has it, as training would. Collective. Throws
  /// AgreedError where it cannot.
  void load_first_weights();
  /// The next steps; returns how many images they took, of all ranks. Collective. Throws AgreedError
  /// (numeric), naming the step, where one is refused: such steps update nothing, so that their time would
  /// say nothing.
  std::int64_t take(std::int64_t steps);
  Profiler& profiler() { return stepper_->profiler(); }

 private:
  Communicator& communicator_;
  StallGuard& guard_;
  Setup setup_;
  std::unique_ptr<Engine> engine_;
  std::optional<InputPipeline> pipeline_;
  std::unique_ptr<Optimizer> optimizer_;
  std::optional<TrainingState> state_;
  std::unique_ptr<Stepper> stepper_;
  std::vector<StepResult> results_;  ///< of the steps taken last
  std::int64_t steps_ = 0;
};

}  // namespace convoy
