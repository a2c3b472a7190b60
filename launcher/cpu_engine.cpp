#include "launcher/cpu_engine.h"

#include <algorithm>

#include "core/cpu/libraries.h"
#include "launcher/numerics_probe.h"
#include "launcher/setup.h"
#include "launcher/step_runner.h"

namespace convoy {

CpuEngine::CpuEngine(const Model& model, const Options& options)
    : Engine(options.isa),
      backend_(loops_of(options.isa)),
      pool_(options.threads, flush_denormals),
      network_(model, backend_, options.kernels, options.precision) {}

std::vector<EngineBlock> CpuEngine::blocks() const {
  std::vector<EngineBlock> blocks;
  for (const Block& block : network_.blocks())
    blocks.push_back(
        {block.ops, block.provider + ": " + block.kernel_name, block.kernel->defers_weight_gradient()});
  return blocks;
}

std::unique_ptr<Stepper> CpuEngine::make_stepper(const Setup& setup, const Training& training) {
  StepRunner::Options options = step_options(setup);
  options.watchdog = training.watchdog;
  return std::make_unique<StepRunner>(*this, training.pipeline, training.optimizer, training.state,
                                      training.communicator, options);
}

std::unique_ptr<Evaluator> CpuEngine::make_evaluator(std::int64_t total) {
  return std::make_unique<NetworkEvaluator>(network_, pool_, total);
}

std::unique_ptr<HostGroup> CpuEngine::join_hosts(Communicator& communicator, const Model& model,
                                                 const std::function<void(const std::string&)>& warn) {
  return HostGroup::join(communicator, model.parameter_elements, warn);
}

MemoryUse CpuEngine::memory_of_training(const Setup& setup, int ranks, std::size_t activations) const {
  const std::size_t slots = make_optimizer(setup.experiment, loops())->slot_names().size();
  return convoy::memory_of_training(network_, slots, activations, ranks, reduction_of(setup.experiment));
}

MemoryUse CpuEngine::memory_of_evaluation(std::size_t activations) const {
  return convoy::memory_of_evaluation(network_, activations);
}

std::size_t CpuEngine::expected_activations(const Setup& setup, int ranks) {
  const config::Train& train = setup.experiment.train;
  const auto rounded_up = [](std::int64_t a, std::int64_t b) { return (a + b - 1) / b; };
  const Executor::Options step{.slices = *train.slices,
                               .local_slices = rounded_up(*train.slices, ranks),
                               .slice_samples = rounded_up(train.global_batch_size, *train.slices)};
  network_.plan(step.slice_samples);
  return Executor(network_, pool_, make_loss(setup.experiment), step).memory_bytes();
}

NumericsFingerprint CpuEngine::numerics(std::int64_t slice_samples) {
  const CpuLibraries facts = cpu_libraries(isa());
  NumericsFingerprint fingerprint;
  fingerprint.libraries = facts.libraries;
  fingerprint.instruction_sets = facts.instruction_sets;
  const auto unused = [&](const auto& fact) {
    const auto runs = [&](const Block& block) { return block.provider == fact.first; };
    return fact.first != "convoy" && std::ranges::none_of(network_.blocks(), runs);
  };
  std::erase_if(fingerprint.libraries, unused);
  std::erase_if(fingerprint.instruction_sets, unused);
  fingerprint.probe = probe(network_, pool_, loops(), slice_samples);
  return fingerprint;
}

MachinePeaks CpuEngine::measure_peaks(int workers_on_host) {
  return convoy::measure_peaks(pool_, loops(), workers_on_host);
}

}  // namespace convoy
