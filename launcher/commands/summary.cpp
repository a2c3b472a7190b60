#include "layers/summary.h"

#include <fmt/format.h>

#include "launcher/agreement.h"
#include "launcher/commands/command.h"
#include "launcher/commands/inputs.h"
#include "launcher/memory_use.h"
#include "launcher/wording.h"

namespace convoy {

namespace {

/// What training will take in the rank that has most to do; nothing where this machine would not give it.
std::optional<MemoryUse> expected_memory(const Setup& setup, const CpuEngine::Options& options, int ranks) {
  try {
    const std::unique_ptr<Engine> engine = make_engine(setup, options);
    return engine->memory_of_training(setup, ranks, engine->expected_activations(setup, ranks));
  } catch (const DeviceError&) {
    return std::nullopt;
  }
}

std::string text_of(const std::optional<MemoryUse>& use, int ranks, int threads) {
  const std::string workers = fmt::format("{} of {}", counted(ranks, "rank"), counted(threads, "thread"));
  if (!use) return fmt::format(" Memory of a rank: more than there is here, in training on {}", workers);
  const auto readable = [](std::size_t bytes) { return readable_bytes(static_cast<std::int64_t>(bytes)); };
  return fmt::format(
      " Memory of a rank: {} in training on {}:\n"
      "   weights {}, moments {}, sums {},\n"
      "   activations {}, packed weights {}",
      readable(use->total()), workers, readable(use->weights), readable(use->moments), readable(use->sums),
      readable(use->activations), readable(use->packed));
}

}  // namespace

ExitCode run_summary(const CommandLine& line, World& world) {
  const auto communicator = world.communicator();
  Setup setup;
  agree(*communicator, [&] { setup = read_setup(config_or_run(line.config).config, line.overrides); });
  const CpuEngine::Options options = engine_options(setup.experiment, world, *communicator);
  if (world.rank() != 0) return ExitCode::ok;
  const std::string& name = setup.experiment.name;
  const std::optional<MemoryUse> use = expected_memory(setup, options, world.size());
  if (line.json) {
    auto json = summary_json(setup.model, name);
    json["memory_per_rank"] =
        use ? MetricsEvent{{"arena_bytes", use->total()}, {"arenas", json_of(*use)}} : MetricsEvent(nullptr);
    fmt::print("{}\n", json.dump(2));
  } else {
    fmt::print("{}\n{}\n", summary_text(setup.model, name), text_of(use, world.size(), options.threads));
  }
  return ExitCode::ok;
}

}  // namespace convoy
