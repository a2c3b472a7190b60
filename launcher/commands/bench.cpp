#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <functional>

#include "core/profiler.h"
#include "launcher/agreement.h"
#include "launcher/commands/bench_report.h"
#include "launcher/commands/command.h"
#include "launcher/commands/rehearsal.h"
#include "launcher/evaluation.h"
#include "launcher/memory.h"
#include "launcher/same_setup.h"
#include "launcher/trace.h"

namespace convoy {

namespace {

using Clock = Profiler::Clock;

constexpr std::int64_t kGroups = 10;  ///< rates are taken over this many groups of steps

/// What is measured: training or evaluation.
struct Subject {
  std::function<std::int64_t(std::int64_t steps)> take;  ///< returns the images of all ranks
  std::int64_t warm_up = 0, steps = 0;
  std::reference_wrapper<Profiler> profiler;
};

/// Takes the steps, and notes their rates, images and seconds; returns the moment when they began.
Clock::time_point take_steps(const Subject& subject, bool trace, Communicator& communicator,
                             BenchMeasurement& result) {
  subject.take(subject.warm_up);
  communicator.barrier();  // so that all count from about the same moment
  subject.profiler.get().start(trace);
  const auto begin = Clock::now();
  const std::int64_t groups = std::min(kGroups, subject.steps);
  for (std::int64_t group = 0; group < groups; ++group) {
    const auto start = Clock::now();
    const auto images = static_cast<double>(
        subject.take(subject.steps * (group + 1) / groups - subject.steps * group / groups));
    result.rates.push_back(images / std::chrono::duration<double>(Clock::now() - start).count());
    result.images += images;
  }
  result.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  return begin;
}

/// Figures of one rank's memory, in bytes.
struct RankMemory {
  std::uint64_t peak = 0, before = 0, files = 0;
  MemoryUse arenas;
};

/// Of the rank that has taken most. Collective.
MetricsEvent memory_json(const RankMemory& own, Communicator& communicator) {
  std::vector<RankMemory> all(static_cast<std::size_t>(communicator.size()));
  all[static_cast<std::size_t>(communicator.rank())] = own;
  const std::vector<std::int64_t> bytes(all.size(), sizeof(RankMemory));
  communicator.all_gather(std::as_writable_bytes(std::span(all)), bytes);
  const RankMemory& most = *std::ranges::max_element(all, {}, &RankMemory::peak);
  return {{"peak_resident_bytes", most.peak},
          {"resident_bytes_before", most.before},
          {"resident_file_bytes", most.files},
          {"arena_bytes", most.arenas.total()},
          {"arenas", json_of(most.arenas)}};
}

/// Everything that bench needs, kept until the report is written.
class Bench {
 public:
  /// `trace`: where rank 0 writes what --trace asks for.
  Bench(const CommandLine& line, std::filesystem::path trace, const World& world, Communicator& communicator,
        StallGuard& guard)
      : line_(line),
        trace_(std::move(trace)),
        world_(world),
        communicator_(communicator),
        guard_(guard),
        rehearsal_(config_of(line, communicator), line, world, communicator, guard) {
    require_same_options(fmt::format("--steps {}{}{}", line.steps.value_or(0), line.trace ? " --trace" : "",
                                     line.evaluation ? " --evaluate" : ""),
                         communicator);
  }

  /// On rank 0 the report; elsewhere nothing of use. Collective.
  MetricsEvent run() {
    memory_.before = resident_memory().peak;
    const Subject subject = line_.evaluation ? evaluation() : training();
    const auto begin = take_steps(subject, line_.trace.has_value(), communicator_, measured_);
    const ResidentMemory resident = resident_memory();
    memory_.peak = resident.peak;
    memory_.files = resident.files;
    const Profiler& profiler = subject.profiler;
    const std::vector<EngineBlock> blocks = engine().blocks();
    measured_.ranks = world_.size();
    measured_.threads = engine().workers();
    if (line_.trace) write_trace(trace_, profiler, blocks, begin, measured_.threads, communicator_);
    const MetricsEvent memory = memory_json(memory_, communicator_);
    measure_machine();
    MetricsEvent json = bench_json(measured_, profiler, rehearsal_.setup().model, blocks);
    json["memory_per_rank"] = memory;
    return json;
  }

 private:
  static std::string config_of(const CommandLine& line, Communicator& communicator) {
    ConfigOrRun input;
    agree(communicator, [&] { input = config_or_run(line.config); });
    return input.config;
  }
  Engine& engine() { return rehearsal_.engine(); }

  Subject training() {
    rehearsal_.allocate();
    rehearsal_.initialize();
    const config::Train& train = rehearsal_.setup().experiment.train;
    measured_.batch = static_cast<double>(train.global_batch_size);
    measured_.slice_samples = measured_.batch / static_cast<double>(*train.slices);
    measured_.slots = rehearsal_.optimizer().slot_names().size();
    memory_.arenas = rehearsal_.memory();
    return {[this](std::int64_t steps) { return rehearsal_.take(steps); }, 5, line_.steps.value_or(50),
            rehearsal_.profiler()};
  }

  Subject evaluation() {
    const Setup& setup = rehearsal_.setup();
    agree(communicator_, [&] {
      state_.emplace(setup.model, std::vector<std::string>{});
      pipeline_.emplace(make_pipeline(setup, setup.test, false));
      evaluator_ = engine().make_evaluator(pipeline_->dataset().size());
    });
    Generation& weights = state_->current();
    initialize(setup.model, setup.experiment.seed, weights.parameters(), weights.statistics());
    measured_.evaluation = true;
    measured_.batch = static_cast<double>(pipeline_->dataset().size());
    measured_.slice_samples = static_cast<double>(kEvaluationSlice);
    memory_.arenas = engine().memory_of_evaluation(evaluator_->memory_bytes());
    guard_.watchdog().enter("evaluating, or waiting for other ranks", 0);
    const auto passes = [this, loss = make_loss(setup.experiment)](std::int64_t count) {
      std::int64_t images = 0;
      for (std::int64_t i = 0; i < count; ++i)
        images += evaluate(*evaluator_, *pipeline_, state_->current().parameters(),
                           state_->current().statistics(), loss, communicator_, &guard_.watchdog())
                      .samples;
      return images;
    };
    return {passes, 1, line_.steps.value_or(10), evaluator_->profiler()};
  }

  /// After the steps: what it walks through would count as theirs.
  void measure_machine() {
    guard_.watchdog().enter("measuring the machine", 0);
    communicator_.barrier();
    measured_.isa = name_of(engine().isa());
    measured_.peaks = engine().measure_peaks(world_.local_size() * engine().workers());
  }

  const CommandLine& line_;
  std::filesystem::path trace_;
  const World& world_;
  Communicator& communicator_;
  StallGuard& guard_;
  Rehearsal rehearsal_;
  std::optional<TrainingState> state_;  ///< of evaluation, as what follows
  std::optional<InputPipeline> pipeline_;
  std::unique_ptr<Evaluator> evaluator_;
  BenchMeasurement measured_;
  RankMemory memory_;
};

}  // namespace

ExitCode run_bench(const CommandLine& line, World& world) {
  StallGuard guard(world);
  const auto communicator = world.communicator();
  std::filesystem::path trace;
  agree(*communicator, [&] {
    if (world.rank() == 0 && line.trace) trace = output_file("--trace", *line.trace);
  });
  Bench bench(line, std::move(trace), world, *communicator, guard);
  const MetricsEvent json = bench.run();
  if (world.rank() != 0) return ExitCode::ok;
  if (line.json)
    fmt::print("{}\n", json.dump());
  else
    fmt::print("{}", bench_text(json));
  return ExitCode::ok;
}

}  // namespace convoy
