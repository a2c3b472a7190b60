#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "launcher/collective.h"
#include "launcher/commands/command.h"
#include "launcher/commands/inputs.h"
#include "launcher/checkpoint.h"
#include "launcher/metrics_writer.h"
#include "launcher/numerics.h"
#include "launcher/run_directory.h"
#include "layers/summary.h"

namespace convoy {

namespace {

constexpr std::int64_t kWarmUpSteps = 3;
constexpr std::int64_t kMeasuredSteps = 20;

/// What is said of a run, a line each; JSON keeps the parts apart.
class Report {
 public:
  template <class... Args>
  void line(const std::string& topic, fmt::format_string<Args...> text, Args&&... args) {
    json_["report"].push_back({{"topic", topic}, {"text", fmt::format(text, std::forward<Args>(args)...)}});
  }
  MetricsEvent& json() { return json_; }
  void print(bool as_json) const {
    if (as_json) {
      fmt::print("{}\n", json_.dump(2));
      return;
    }
    std::string last;
    for (const auto& entry : json_.at("report")) {
      const std::string topic = entry.at("topic").get<std::string>();
      fmt::print("{:<12} {}\n", topic == last ? "" : topic, entry.at("text").get<std::string>());
      last = topic;
    }
  }

 private:
  MetricsEvent json_{{"report", MetricsEvent::array()}};
};

void report_model(Report& report, const Setup& setup) {
  const ModelCost cost = cost_of(setup.model);
  report.line("model", "{} layers, {} parameters, {:.1f} million operations a sample forward", setup.model.layers.size(),
              cost.parameters, cost.flops / 1e6);
  report.json()["total_parameters"] = cost.parameters;
}

void report_data(Report& report, const Setup& setup) {
  report.line("data", "{}", setup.training->describe());
  report.line("data", "{}", setup.test->describe());
  if (setup.validation && setup.validation != setup.test)
    report.line("data", "{} samples of the training split held out for validation", setup.validation->size());
}

void report_kernels(Report& report, const Network& network) {
  MetricsEvent kernels = MetricsEvent::object();
  for (const Block& block : network.blocks()) {
    const std::string text = fmt::format("{}: {}", block.provider, block.kernel_name);
    std::string ops;
    for (const Op& op : block.ops) ops += (ops.empty() ? "" : " + ") + std::string(name_of(op.kind));
    report.line("kernels", "{:<24} {:<28} {}", block.layer_name(), ops, text);
    kernels[block.layer_name()] = text;
  }
  report.json()["kernels"] = kernels;
}

void report_ranks(Report& report, const Setup& setup, const World& world, int threads) {
  std::map<std::string, int> hosts;
  for (const std::string& host : world.hosts()) ++hosts[host];
  for (const auto& [host, ranks] : hosts) report.line("ranks", "{} on {}", ranks, host);
  const std::int64_t slices = *setup.experiment.train.slices;
  const std::int64_t workers = std::int64_t{world.size()} * threads;
  const double efficiency =
      static_cast<double>(slices) / static_cast<double>(workers * ((slices + workers - 1) / workers));
  report.line("ranks", "{} x {} threads take {} slices a step: at most {:.0f} % of the workers are busy", world.size(),
              threads, slices, 100 * efficiency);
  if (efficiency < 0.75)
    report.line("ranks", "set train.slices to a multiple of {} (it decides bits) or start fewer workers", workers);
  report.json()["ranks"] = world.size();
  report.json()["threads_per_rank"] = threads;
  report.json()["slices"] = slices;
  report.json()["efficiency"] = efficiency;
}

void report_speed(Report& report, const Setup& setup, StepRunner& runner, const World& world) {
  for (std::int64_t i = 0; i < kWarmUpSteps; ++i) runner.step(i);
  StepResult::Seconds sum;
  double images = 0;
  for (std::int64_t i = 0; i < kMeasuredSteps; ++i) {
    const StepResult step = runner.step(kWarmUpSteps + i);
    sum.compute += step.seconds.compute;
    sum.reduce += step.seconds.reduce;
    sum.update += step.seconds.update;
    sum.gather += step.seconds.gather;
    images += static_cast<double>(step.samples);
  }
  const double total = sum.compute + sum.reduce + sum.update + sum.gather;
  const double rate = images / total;
  const double epoch = static_cast<double>(setup.training->size()) / rate;
  report.line("speed", "{:.0f} images/s: an epoch takes {:.1f} s, {} epochs {:.1f} min, validation apart", rate, epoch,
              setup.experiment.train.epochs, epoch * static_cast<double>(setup.experiment.train.epochs) / 60);
  report.line("speed", "{:.1f} % computing, {:.1f} % waiting for sums, {:.1f} % updating, {:.1f} % waiting for weights",
              100 * sum.compute / total, 100 * sum.reduce / total, 100 * sum.update / total, 100 * sum.gather / total);
  const double bytes = static_cast<double>(setup.model.parameter_elements) * 12 * (world.size() - 1) / world.size();
  if (world.size() > 1)
    report.line("speed", "each rank sends {:.2f} MB a step", bytes / 1e6);
  report.json()["images_per_second"] = rate;
  report.json()["seconds_per_epoch"] = epoch;
}

void report_checkpoints(Report& report, const std::filesystem::path& run) {
  const RunPaths paths{run};
  for (std::int64_t step : checkpoint_steps(paths.checkpoints())) {
    const auto path = checkpoint_path(paths.checkpoints(), step);
    try {
      const Checkpoint whole(path);
      report.line("checkpoints", "{}: whole", path.string());
    } catch (const CheckpointError& error) {
      report.line("checkpoints", "damaged: {}", error.what());
    }
  }
  if (const auto end = end_of_run(paths))
    report.line("run", "finished after step {}", end->value("step", std::int64_t{0}));
}

}  // namespace

ExitCode run_check(const CommandLine& line, World& world) {
  const auto communicator = world.communicator();
  ConfigOrRun input;
  Setup setup;
  agree(*communicator, [&] {
    input = config_or_run(line.config);
    setup = read_setup(input.config, line.overrides);
    require_slices(setup, world);
    open_data(setup);
  });
  const Engine::Options options = engine_options(setup.experiment, world, *communicator);
  std::optional<Engine> engine;
  agree(*communicator, [&] { engine.emplace(setup.model, options); });
  const NumericsFingerprint fingerprint = agree_on_fingerprint(*engine, setup, world, *communicator);

  const InputPipeline pipeline = make_pipeline(setup, setup.training, true);
  const auto optimizer = make_optimizer(setup.experiment, engine->backend().loops());
  TrainingState state(setup.model, optimizer->slot_names());
  initialize(setup.model, setup.experiment.seed, state.current().parameters(), state.current().statistics());
  StepRunner runner(*engine, pipeline, *optimizer, state, *communicator, step_options(setup));

  Report report;
  report.line("config", "{}: no errors", input.config);
  for (const std::string& warning : setup.warnings) report.line("warning", "{}", warning);
  report_model(report, setup);
  report_data(report, setup);
  report_kernels(report, engine->network());
  for (const auto& [library, isa] : fingerprint.instruction_sets) {
    const auto version = fingerprint.libraries.find(library);
    report.line("libraries", "{} {} uses {}", library, version == fingerprint.libraries.end() ? "" : version->second, isa);
  }
  report_ranks(report, setup, world, engine->pool().workers());
  report.line("memory", "{:.0f} MiB a rank for activations and workspaces, {:.0f} MiB for weights, moments and sums",
              static_cast<double>(runner.memory_bytes()) / 0x1p20,
              static_cast<double>(setup.model.parameter_elements) *
                  static_cast<double>(4 * 2 * (1 + optimizer->slot_names().size()) + 12) / 0x1p20);
  report_speed(report, setup, runner, world);
  if (input.run) report_checkpoints(report, *input.run);
  if (world.rank() == 0) report.print(line.json);
  return ExitCode::ok;
}

}  // namespace convoy
