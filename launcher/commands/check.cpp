#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>

#include "launcher/checkpoint.h"
#include "launcher/collective.h"
#include "launcher/commands/command.h"
#include "launcher/commands/rehearsal.h"
#include "launcher/memory.h"
#include "launcher/metrics_writer.h"
#include "launcher/numerics.h"
#include "launcher/run_directory.h"
#include "launcher/topology.h"
#include "launcher/wording.h"
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
  report.line("model", "{}, {}, {:.1f} million operations a sample forward",
              counted(std::ssize(setup.model.layers), "layer"), counted(cost.parameters, "parameter"),
              cost.flops / 1e6);
  report.json()["total_parameters"] = cost.parameters;
}

void report_data(Report& report, const Setup& setup) {
  report.line("data", "{}", setup.training->describe());
  report.line("data", "{}", setup.test->describe());
  if (setup.validation && setup.validation != setup.test)
    report.line("data", "{} of the training split held out for validation",
                counted(setup.validation->size(), "sample"));
}

void report_kernels(Report& report, const Engine& engine, config::Precision precision) {
  MetricsEvent kernels = MetricsEvent::object();
  for (const EngineBlock& block : engine.blocks()) {
    std::string ops;
    for (const Op& op : block.ops) ops += (ops.empty() ? "" : " + ") + std::string(name_of(op.kind));
    report.line("kernels", "{:<24} {:<28} {}", block.layer_name(), ops, block.kernel);
    kernels[block.layer_name()].push_back(block.kernel);
  }
  report.json()["kernels"] = kernels;
  report.json()["precision"] = name_of_value(precision);
  switch (precision) {
    case config::Precision::bfloat16:
      report.line("precision",
                  "factors rounded to bfloat16; products and sums in float32, as fast as float32");
      break;
    case config::Precision::split_bfloat16:
      report.line("precision", "none of these kernels splits; the same bits as float32");
      break;
    default:
      report.line("precision", "{}", name_of_value(precision));
  }
}

void report_libraries(Report& report, const NumericsFingerprint& fingerprint) {
  for (const auto& [library, isa] : fingerprint.instruction_sets) {
    const auto version = fingerprint.libraries.find(library);
    const std::string name =
        version == fingerprint.libraries.end() ? library : fmt::format("{} {}", library, version->second);
    report.line("libraries", "{} uses {}", name, isa);
  }
}

/// Hosts with their ranks, and the cores that these may count on.
void report_cores(Report& report, const Setup& setup, const World& world, std::span<const double> shares) {
  struct Host {
    int ranks = 0, threads = 0;
    double cores = 0;
  };
  const auto& asked = setup.experiment.distributed.threads_per_rank;
  const std::vector<int> automatic = threads_for_ranks(shares);
  std::map<std::string, Host> hosts;
  for (std::size_t rank = 0; rank < shares.size(); ++rank) {
    Host& host = hosts[world.hosts()[rank]];
    ++host.ranks;
    host.threads += asked ? static_cast<int>(*asked) : automatic[rank];
    host.cores += shares[rank];
  }
  for (const auto& [name, host] : hosts) {
    report.line("ranks", "{} on {}, with {} on {:.3g} core{}", host.ranks, name,
                counted(host.threads, "thread"), host.cores, host.cores == 1 ? "" : "s");
    if (host.threads > host.cores + 0.01)
      report.line("ranks", "more threads than cores on {}: they wait for each other; start fewer ranks there",
                  name);
    report.json()["hosts"].push_back(
        {{"host", name}, {"ranks", host.ranks}, {"threads", host.threads}, {"cores", host.cores}});
  }
}

void report_slices(Report& report, const Setup& setup, const World& world, int threads) {
  const std::int64_t slices = *setup.experiment.train.slices;
  const std::int64_t workers = std::int64_t{world.size()} * threads;
  const double efficiency =
      static_cast<double>(slices) / static_cast<double>(workers * ((slices + workers - 1) / workers));
  report.line("ranks", "{} of {} take{} {} a step: at most {:.0f} % of the workers are busy",
              counted(world.size(), "rank"), counted(threads, "thread"), world.size() == 1 ? "s" : "",
              counted(slices, "slice"), 100 * efficiency);
  if (efficiency < 0.75)
    report.line("ranks", "set train.slices to a multiple of {} (it decides bits) or start fewer workers",
                workers);
  report.json()["ranks"] = world.size();
  report.json()["threads_per_rank"] = threads;
  report.json()["slices"] = slices;
  report.json()["efficiency"] = efficiency;
}

/// Throws AgreedError where the ranks of a host need more memory than it has.
void require_memory(const World& world, std::span<const MemoryNeed> needs) {
  for (const HostMemory& host : memory_of_hosts(world.hosts(), needs))
    if (!host.fits())
      throw AgreedError(
          ExitCode::device,
          fmt::format("memory: {} on {} need{} {} MiB, where {} MiB are free; start fewer ranks or "
                      "threads there, or make train.global_batch_size or the model smaller",
                      counted(host.ranks, "rank"), host.host, host.ranks == 1 ? "s" : "",
                      host.memory.needed >> 20, host.memory.free >> 20));
}

/// Takes the memory for training, unless it cannot fit. Collective.
void report_memory(Report& report, Rehearsal& rehearsal, const World& world, Communicator& communicator) {
  std::vector<MemoryNeed> needs(static_cast<std::size_t>(world.size()));
  MemoryNeed& own = needs[static_cast<std::size_t>(world.rank())];
  const auto gather = [&] {
    const std::vector<std::int64_t> bytes(needs.size(), sizeof(MemoryNeed));
    communicator.all_gather(std::as_writable_bytes(std::span(needs)), bytes);
    require_memory(world, needs);
  };
  own = {rehearsal.memory().total(), free_memory()};
  gather();  // what certainly does not fit is not even asked for
  rehearsal.allocate();
  const MemoryUse use = rehearsal.memory();
  own.needed = use.total();
  const auto mebibytes = [](std::size_t bytes) { return static_cast<double>(bytes) / 0x1p20; };
  report.line("memory",
              "{:.0f} MiB a rank for activations and workspaces, {:.0f} MiB for weights, moments and sums",
              mebibytes(use.activations), mebibytes(use.total() - use.activations));
  gather();
  for (const HostMemory& host : memory_of_hosts(world.hosts(), needs)) {
    report.line("memory", "{:.0f} MiB of {:.0f} MiB that are free on {}", mebibytes(host.memory.needed),
                mebibytes(host.memory.free), host.host);
    report.json()["memory"].push_back(
        {{"host", host.host}, {"needed_bytes", host.memory.needed}, {"free_bytes", host.memory.free}});
  }
}

/// Sums as many elements over all ranks, and gathers them, as a step does: the median of a few times, in
/// seconds.
template <class T>
double all_reduce_seconds(std::int64_t elements, Communicator& communicator) {
  constexpr int kTimes = 7;
  std::vector<T> sums(static_cast<std::size_t>(elements));
  std::vector<float> weights(sums.size());
  std::vector<std::int64_t> counts;
  for (int rank = 0; rank < communicator.size(); ++rank)
    counts.push_back(part_of(elements, communicator.size(), rank).size());
  std::vector<double> seconds;
  for (int i = 0; i < kTimes; ++i) {
    communicator.barrier();
    const auto start = std::chrono::steady_clock::now();
    communicator.start_reduce_scatter(std::span(sums), counts)->wait();
    communicator.start_all_gather(std::span(weights), counts)->wait();
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::ranges::sort(seconds);
  return seconds[kTimes / 2];
}

void report_all_reduce(Report& report, const Setup& setup, Communicator& communicator) {
  if (communicator.size() == 1) return;
  const std::int64_t elements = setup.model.parameter_elements;
  const bool exact = setup.experiment.distributed.reduce == config::Reduce::exact;
  const double seconds = exact ? all_reduce_seconds<std::int64_t>(elements, communicator)
                               : all_reduce_seconds<float>(elements, communicator);
  const double ranks = communicator.size();
  const double bytes = static_cast<double>(elements) * ((exact ? 8 : 4) + 4) * (ranks - 1) / ranks;
  report.line("all-reduce", "{:.2f} ms a step, alone: each rank sends {:.2f} MB at {:.2f} GB/s",
              1e3 * seconds, bytes / 1e6, bytes / seconds / 1e9);
  report.json()["all_reduce"] = {{"seconds", seconds}, {"bytes_sent", bytes}};
}

/// Throws AgreedError where a step is refused.
void report_speed(Report& report, Rehearsal& rehearsal) {
  rehearsal.take(kWarmUpSteps);
  Profiler& profiler = rehearsal.profiler();
  profiler.start();
  const auto begin = Profiler::Clock::now();
  const auto images = static_cast<double>(rehearsal.take(kMeasuredSteps));
  const double total = std::chrono::duration<double>(Profiler::Clock::now() - begin).count();
  const Setup& setup = rehearsal.setup();
  const double rate = images / total;
  const double epoch = static_cast<double>(setup.training->size()) / rate;
  report.line("speed", "{:.0f} images/s: an epoch takes {:.1f} s, {} {:.1f} min, validation apart", rate,
              epoch, counted(setup.experiment.train.epochs, "epoch"),
              epoch * static_cast<double>(setup.experiment.train.epochs) / 60);
  const auto percent = [&](Piece piece) { return 100 * profiler.seconds(piece) / total; };
  const double updating = percent(Piece::update) / rehearsal.engine().workers();
  const double apart = percent(Piece::reduce) + updating + percent(Piece::gather);
  report.line(
      "speed",
      "{:.1f} % computing, {:.1f} % waiting for sums, {:.1f} % updating, {:.1f} % waiting for weights",
      100 - apart, percent(Piece::reduce), updating, percent(Piece::gather));
  report.json()["images_per_second"] = rate;
  report.json()["seconds_per_epoch"] = epoch;
}

/// Takes model.weights where training would: not in a run that goes on from a checkpoint. Collective.
void report_first_weights(Report& report, const ConfigOrRun& input, Rehearsal& rehearsal,
                          Communicator& communicator) {
  const std::optional<std::string>& file = rehearsal.setup().experiment.model.weights;
  if (!file) return;
  const bool begun = input.run && !checkpoint_steps(RunPaths{*input.run}.checkpoints()).empty();
  if (broadcast_answer(communicator, begun)) return;
  rehearsal.load_first_weights();
  report.line("weights", "{}: whole, and of this model", *file);
}

void report_checkpoints(Report& report, const std::filesystem::path& run, Watchdog& watchdog) {
  const RunPaths paths{run};
  for (std::int64_t step : checkpoint_steps(paths.checkpoints())) {
    const auto path = checkpoint_path(paths.checkpoints(), step);
    watchdog.enter("verifying checkpoints", 0);
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
  StallGuard guard(world);
  const auto communicator = world.communicator();
  ConfigOrRun input;
  agree(*communicator, [&] { input = config_or_run(line.config); });
  Rehearsal rehearsal(input.config, line, world, *communicator, guard);
  const Setup& setup = rehearsal.setup();
  const std::vector<double> shares = gather_core_shares(world, *communicator);

  Report report;
  const auto print = [&] {
    if (world.rank() == 0) report.print(line.json);
  };
  try {
    report.line("config", "{}: no errors", input.config);
    for (const std::string& warning : setup.warnings) report.line("warning", "{}", warning);
    report_model(report, setup);
    report_data(report, setup);
    report_kernels(report, rehearsal.engine(), setup.experiment.train.precision);
    report_cores(report, setup, world, shares);
    report_slices(report, setup, world, rehearsal.engine().workers());
    report_memory(report, rehearsal, world, *communicator);
    report_libraries(report, agree_on_fingerprint(rehearsal.engine(), setup, world, *communicator));
    rehearsal.initialize();
    report_first_weights(report, input, rehearsal, *communicator);
    report_all_reduce(report, setup, *communicator);
    report_speed(report, rehearsal);
    if (input.run) report_checkpoints(report, *input.run, guard.watchdog());
  } catch (const AgreedError& error) {
    report.json()["error"] = error.what();
    print();  // what was found before it
    throw;
  }
  print();
  return ExitCode::ok;
}

}  // namespace convoy
