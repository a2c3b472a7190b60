#include <cstdlib>
#include <unistd.h>

#include "core/host.h"
#include "launcher/bus_error.h"
#include "launcher/collective.h"
#include "launcher/commands/command.h"
#include "launcher/commands/inputs.h"
#include "launcher/failure.h"
#include "launcher/hash.h"
#include "launcher/numerics.h"
#include "launcher/same_setup.h"
#include "launcher/stall_guard.h"
#include "launcher/trainer.h"
#include "launcher/wording.h"
#include "layers/summary.h"

namespace convoy {

namespace {

/// Compares the config with that of the run that is there.
void require_config_of_run(const Setup& setup, const RunDirectory& files) {
  if (files.is_new()) return;
  config::Diagnostics diagnostics;
  const config::Experiment before = config::read_experiment(files.paths().resolved_config().string(), {},
                                                            setup.catalogs, capabilities(), diagnostics);
  diagnostics.throw_if_any();
  require_same_config(
      files.paths(),
      config::without_derived(config::differences(before, setup.experiment, setup.catalogs), setup.derived));
}

/// Whether early stopping ended the run in the directory and would do so again; if so, says what would not.
bool stays_stopped(const Setup& setup, const RunDirectory& files, const MetricsEvent& end, Log& log) {
  const auto& stopping = setup.experiment.train.early_stopping;
  const auto early = end.find("early_stopping");
  if (!stopping || early == end.end()) return false;
  const auto epoch = end.value("epoch", std::int64_t{0});
  const auto best_epoch = early->value("best_epoch", std::int64_t{0});
  if (!is_exhausted(*stopping, epoch - best_epoch)) return false;
  log.info(
      "{} stopped early after epoch {}: no better {} since epoch {}; train for longer with a "
      "train.early_stopping.patience above {} or train.early_stopping: none, or again with --resume never",
      files.paths().directory.string(), epoch, config::name_of_value(stopping->monitor), best_epoch,
      epoch - best_epoch);
  return true;
}

/// Says so where the run in the directory has nothing left to do.
bool is_finished(const Setup& setup, const RunDirectory& files, Log& log) {
  const auto end = end_of_run(files.paths());
  if (!end) return false;
  if (stays_stopped(setup, files, *end, log)) return true;
  const auto step = end->value("step", std::int64_t{0});
  if (step < total_steps(setup)) return false;
  log.info(
      "{} is finished after step {}; train for longer with a larger train.epochs, or again with --resume "
      "never",
      files.paths().directory.string(), step);
  return true;
}

/// Rank 0's run directory, with the config written down; nothing where the run in it is finished. Throws
/// ConfigError.
std::optional<RunDirectory> open_run(const std::filesystem::path& directory, const std::string& resume,
                                     const Setup& setup, Log& log) {
  const auto warn = [&](const std::string& text) { log.warning("{}", text); };
  if (resume != "auto" && resume != "never") require_checkpoint(resume);
  std::optional<RunDirectory> files(std::in_place, directory, resume == "never", warn);
  require_config_of_run(setup, *files);
  log.open_file(files->paths().log());
  if (files->moved_aside()) log.info("the run that was here is now {}", files->moved_aside()->string());
  clean_checkpoints(files->paths().checkpoints(), warn);
  if (is_finished(setup, *files, log)) return std::nullopt;
  write_file_atomically(files->paths().resolved_config(), config::to_yaml(setup.experiment, setup.catalogs));
  std::error_code absent;
  std::filesystem::remove(files->paths().failure(), absent);
  return files;
}

MetricsEvent start_event(const Setup& setup, Engine& engine, const World& world,
                         const NumericsFingerprint& fingerprint, const std::string& config_hash) {
  MetricsEvent event{{"name", setup.experiment.name},
                     {"config_sha256", config_hash},
                     {"fingerprint", nlohmann::json(fingerprint)},
                     {"ranks", world.size()},
                     {"threads_per_rank", engine.workers()},
                     {"hosts", world.hosts()},
                     {"slices", *setup.experiment.train.slices}};
  MetricsEvent kernels = MetricsEvent::object();
  for (const EngineBlock& block : engine.blocks()) kernels[block.layer_name()].push_back(block.kernel);
  event["kernels"] = kernels;
  return event;
}

/// Leaves why a training failed in the run directory, for whoever looks there later. What all ranks know of,
/// rank 0 writes down; else the rank that failed does.
void record_failure(const RunPaths& paths, const std::exception& error, const Watchdog& watchdog,
                    const World& world, Log& log) {
  if (world.rank() > 0 && dynamic_cast<const AgreedError*>(&error)) return;
  const Failure failure{exit_code_of(error), message_of(error), world.rank(),
                        host_name(),         watchdog.step(),   watchdog.phase()};
  write_failure(paths.failure(), failure);
  log.record("failed {}: {}", watchdog.where(), failure.message);
}

/// An error that this rank alone knows of, with where it struck.
Error placed(const std::exception& error, const Watchdog& watchdog) {
  return Error(exit_code_of(error), fmt::format("{}: {}", watchdog.where(), message_of(error)));
}

}  // namespace

ExitCode run_train(const CommandLine& line, World& world) {
  const auto communicator = world.communicator();
  const bool root = world.rank() == 0;
  const auto screen = screen_device(read_screen_facts(std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr));
  Terminal terminal(STDERR_FILENO,
                    screen ? [device = *screen] { return screen_width(device); } : std::function<int()>());
  Log log(terminal, {.rank = world.rank(), .ranks = world.size(), .quiet = line.quiet});
  StallGuard guard(world);
  Watchdog& watchdog = guard.watchdog();

  Setup setup;
  agree(*communicator, [&] {
    setup = read_guarded(line.config, line.overrides, guard);
    require_slices(setup, world);
    open_data(setup);
  });
  require_same_setup(setup, *communicator);
  const std::unique_ptr<Engine> engine = make_engine(setup, world, *communicator);
  const NumericsFingerprint fingerprint = agree_on_fingerprint(*engine, setup, world, *communicator);

  // Nothing is written before everything that can be checked has been.
  const std::string resume = line.resume.value_or(setup.experiment.checkpoint.resume);
  const std::filesystem::path directory = line.run_dir.value_or("runs/" + setup.experiment.name);
  std::optional<RunDirectory> files;
  agree(*communicator, [&] {
    if (root) files = open_run(directory, resume, setup, log);
  });
  if (!broadcast_answer(*communicator, files.has_value())) return ExitCode::ok;
  for (const std::string& warning : setup.warnings) log.warning("{}", warning);

  log.info("{}: {}, {}, {} of {}, {}, in {}", setup.experiment.name,
           counted(cost_of(setup.model).parameters, "parameter"),
           counted(setup.training->size(), "training sample"), counted(world.size(), "rank"),
           counted(engine->workers(), "thread"), counted(*setup.experiment.train.slices, "slice"),
           directory.string());
  const RunPaths paths{directory};
  guard.report_to([paths, &watchdog, &world, &log](const CommError& error) {
    record_failure(paths, error, watchdog, world, log);
    log.error("{}", error.what());
  });
  const EmergencyRecord emergency_record(paths, world.rank(), watchdog);
  const BusErrorsRecorded recorded(emergency_record);
  Progress progress(terminal, log, line.quiet || !root);
  const std::string config_hash = sha256_hex(config::deciding_keys(setup.experiment, setup.catalogs));
  bool begun = false;
  const auto record = [&](const std::exception& error) {
    // Of weights or a checkpoint that cannot be read nothing is left: nothing was trained.
    if (!begun && files && files->discard()) return;
    record_failure(paths, error, watchdog, world, log);
  };
  try {
    Trainer trainer({setup, *engine, *communicator, log, progress, fingerprint, config_hash, watchdog, resume,
                     start_event(setup, *engine, world, fingerprint, config_hash)},
                    files ? &*files : nullptr);
    trainer.resume();
    begun = true;
    return trainer.run();
  } catch (const AgreedError& error) {
    record(error);
    throw;
  } catch (const std::exception& error) {
    record(error);
    throw placed(error, watchdog);
  }
}

}  // namespace convoy
