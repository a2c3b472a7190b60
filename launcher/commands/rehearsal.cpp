#include "launcher/commands/rehearsal.h"

#include "launcher/agreement.h"
#include "launcher/same_setup.h"

namespace convoy {

Rehearsal::Rehearsal(const std::string& config, const CommandLine& line, const World& world,
                     Communicator& communicator, StallGuard& guard)
    : communicator_(communicator), guard_(guard) {
  agree(communicator_, [&] {
    setup_ = read_guarded(config, line.overrides, guard_);
    require_slices(setup_, world);
    open_data(setup_);
  });
  require_same_setup(setup_, communicator_);
  const Engine::Options options = engine_options(setup_.experiment, world, communicator_);
  agree(communicator_, [&] { engine_.emplace(setup_.model, options); });
  optimizer_ = make_optimizer(setup_.experiment, engine_->backend().loops());
}

void Rehearsal::allocate() {
  StepRunner::Options options = step_options(setup_);
  options.watchdog = &guard_.watchdog();
  agree(communicator_, [&] {
    pipeline_.emplace(make_pipeline(setup_, setup_.training, true));
    state_.emplace(
        setup_.model, optimizer_->slot_names(),
        HostGroup::join(communicator_, setup_.model.parameter_elements, [&](const std::string& text) {
          if (communicator_.rank() == 0) fmt::print(stderr, "warning: {}\n", text);
        }));
    runner_.emplace(*engine_, *pipeline_, *optimizer_, *state_, communicator_, options);
  });
}

MemoryUse Rehearsal::memory() const {
  return memory_of_training(engine_->network(), optimizer_->slot_names().size(),
                            runner_ ? runner_->memory_bytes() : 0, communicator_.size(),
                            step_options(setup_).reduce);
}

void Rehearsal::initialize() { state_->initialize(setup_.experiment.seed, communicator_); }

void Rehearsal::load_first_weights() {
  const std::optional<std::string>& file = setup_.experiment.model.weights;
  if (file) state_->load_first_weights(*file, communicator_);
}

StepResult Rehearsal::step() {
  StepResult result = runner_->step(steps_++);
  if (result.refused)
    throw AgreedError(ExitCode::numeric,
                      fmt::format("step {}: {}; lower the learning rate, or look at the data's scale", steps_,
                                  *result.refused));
  return result;
}

}  // namespace convoy
