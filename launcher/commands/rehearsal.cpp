#include "launcher/commands/rehearsal.h"

#include <algorithm>

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
  engine_ = make_engine(setup_, world, communicator_);
  optimizer_ = make_optimizer(setup_.experiment, engine_->loops());
}

void Rehearsal::allocate() {
  agree(communicator_, [&] {
    pipeline_.emplace(make_pipeline(setup_, setup_.training, true));
    state_.emplace(setup_.model, optimizer_->slot_names(),
                   engine_->join_hosts(communicator_, setup_.model, [&](const std::string& text) {
                     if (communicator_.rank() == 0) fmt::print(stderr, "warning: {}\n", text);
                   }));
    stepper_ =
        engine_->make_stepper(setup_, {*pipeline_, *optimizer_, *state_, communicator_, &guard_.watchdog()});
  });
}

MemoryUse Rehearsal::memory() const {
  return engine_->memory_of_training(setup_, communicator_.size(), stepper_ ? stepper_->memory_bytes() : 0);
}

void Rehearsal::initialize() {
  state_->initialize(setup_.experiment.seed, communicator_);
  stepper_->load();
}

void Rehearsal::load_first_weights() {
  const std::optional<std::string>& file = setup_.experiment.model.weights;
  if (!file) return;
  state_->load_first_weights(*file, communicator_);
  stepper_->load();
}

std::int64_t Rehearsal::take(std::int64_t steps) {
  std::int64_t images = 0;
  for (const std::int64_t last = steps_ + steps; steps_ < last;) {
    results_.resize(static_cast<std::size_t>(std::min(stepper_->steps_at_once(), last - steps_)));
    stepper_->take(steps_, results_);
    for (const StepResult& result : results_) {
      ++steps_;
      images += result.samples;
      if (result.refused)
        throw AgreedError(ExitCode::numeric,
                          fmt::format("step {}: {}; lower the learning rate, or look at the data's scale",
                                      steps_, *result.refused));
    }
  }
  return images;
}

}  // namespace convoy
