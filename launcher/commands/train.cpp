#include <unistd.h>

#include <cstdlib>

#include "launcher/commands/command.h"
#include "launcher/commands/inputs.h"
#include "launcher/collective.h"
#include "launcher/hash.h"
#include "launcher/numerics.h"
#include "launcher/trainer.h"
#include "launcher/version.h"

namespace convoy {

namespace {

/// Compares the config with that of the run that is there, then writes it down.
void settle_config(const Setup& setup, const RunDirectory& files) {
  const auto resolved = files.paths().resolved_config();
  if (std::filesystem::exists(resolved)) {
    config::Diagnostics diagnostics;
    const config::Experiment before =
        config::read_experiment(resolved.string(), {}, setup.catalogs, capabilities(), diagnostics);
    require_same_config(files.paths(), config::differences(before, setup.experiment, setup.catalogs));
  }
  write_file_atomically(resolved, config::to_yaml(setup.experiment, setup.catalogs));
}

MetricsEvent start_event(const Setup& setup, Engine& engine, const World& world) {
  MetricsEvent event{{"version", version_text()}, {"name", setup.experiment.name}, {"ranks", world.size()},
                     {"threads_per_rank", engine.pool().workers()}, {"hosts", world.hosts()},
                     {"slices", *setup.experiment.train.slices}, {"instruction_set", engine.backend().loops().isa}};
  MetricsEvent kernels = MetricsEvent::object();
  for (const Block& block : engine.network().blocks())
    kernels[block.layer_name()] = fmt::format("{}: {}", block.provider, block.kernel_name);
  event["kernels"] = kernels;
  return event;
}

}  // namespace

ExitCode run_train(const CommandLine& line, World& world) {
  const auto communicator = world.communicator();
  const bool root = world.rank() == 0;
  const auto screen = screen_device(read_screen_facts(std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr));
  Terminal terminal(STDERR_FILENO, screen ? [device = *screen] { return screen_width(device); } : std::function<int()>());
  Log log(terminal, {.rank = world.rank(), .ranks = world.size(), .quiet = line.quiet});
  Setup setup;
  std::optional<RunDirectory> files;
  bool done = false;
  agree(*communicator, [&] {
    setup = read_setup(line.config, line.overrides);
    require_slices(setup, world);
    open_data(setup);
  });
  const std::string resume = line.resume.value_or(setup.experiment.checkpoint.resume);
  const std::filesystem::path directory = line.run_dir.value_or("runs/" + setup.experiment.name);
  agree(*communicator, [&] {
    if (!root) return;
    const auto warn = [&](const std::string& text) { log.warning("{}", text); };
    files.emplace(directory, resume == "never", warn);
    settle_config(setup, *files);
    log.open_file(files->paths().log());
    if (files->moved_aside()) log.info("the run that was here is now {}", files->moved_aside()->string());
    clean_checkpoints(files->paths().checkpoints(), warn);
    const auto end = end_of_run(files->paths());
    done = end && end->value("step", std::int64_t{0}) >= total_steps(setup);
    if (done) log.info("{} is finished after step {}; train for longer with a larger train.epochs, or again "
                                   "with --resume never",
                                   directory.string(), end->value("step", std::int64_t{0}));
  });
  if (broadcast_text(*communicator, done ? "done" : "") == "done") return ExitCode::ok;

  std::optional<Engine> engine;
  std::optional<Trainer> trainer;
  const Engine::Options options = engine_options(setup.experiment, world, *communicator);
  agree(*communicator, [&] { engine.emplace(setup.model, options); });
  for (const std::string& warning : setup.warnings) log.warning("{}", warning);
  log.info("{}: {} parameters, {} training samples, {} ranks of {} threads, {} slices, in {}",
                       setup.experiment.name, setup.model.parameter_elements, setup.training->size(), world.size(),
                       engine->pool().workers(), *setup.experiment.train.slices, directory.string());
  const NumericsFingerprint fingerprint = agree_on_fingerprint(*engine, world, *communicator);
  const std::string config_hash = sha256_hex(config::to_yaml(setup.experiment, setup.catalogs));
  Progress progress(terminal, log, line.quiet || !root);
  trainer.emplace(Trainer::Parts{setup, *engine, *communicator, log, progress, fingerprint, config_hash,
                                 start_event(setup, *engine, world)},
                  files ? &*files : nullptr);
  trainer->resume(resume);
  return trainer->run();
}

}  // namespace convoy
