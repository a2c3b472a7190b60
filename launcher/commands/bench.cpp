#include <algorithm>
#include <chrono>
#include <fmt/format.h>

#include "launcher/agreement.h"
#include "launcher/commands/command.h"
#include "launcher/commands/rehearsal.h"
#include "launcher/metrics_writer.h"
#include "launcher/same_setup.h"
#include "launcher/trace.h"
#include "launcher/wording.h"

namespace convoy {

namespace {

constexpr std::int64_t kWarmUpSteps = 5;
constexpr std::int64_t kGroups = 10;  ///< rates are taken over this many groups of steps

/// What the measured steps took.
struct Measurement {
  std::vector<double> rates;  ///< images a second, one a group
  Profiler::Clock::time_point begin;
  double images = 0;
  double elapsed = 0;
};

Measurement measure(Rehearsal& rehearsal, std::int64_t steps, bool trace, Communicator& communicator) {
  using Clock = Profiler::Clock;
  for (std::int64_t i = 0; i < kWarmUpSteps; ++i) rehearsal.step();
  Measurement result;
  communicator.barrier();  // so that all count from about the same moment
  rehearsal.runner().profiler().start(trace);
  result.begin = Clock::now();
  const std::int64_t groups = std::min(kGroups, steps);
  for (std::int64_t group = 0; group < groups; ++group) {
    double images = 0;
    const auto start = Clock::now();
    for (std::int64_t i = steps * group / groups; i < steps * (group + 1) / groups; ++i)
      images += static_cast<double>(rehearsal.step().samples);
    result.rates.push_back(images / std::chrono::duration<double>(Clock::now() - start).count());
    result.images += images;
  }
  result.elapsed = std::chrono::duration<double>(Clock::now() - result.begin).count();
  return result;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}

MetricsEvent json_of(const Measurement& m, const Profiler& profiler, const Network& network,
                     const World& world, int threads) {
  const double to_microseconds = 1e6 / m.images * static_cast<double>(world.size());
  MetricsEvent layers = MetricsEvent::array();
  for (std::size_t i = 0; i < network.blocks().size(); ++i) {
    const Block& block = network.blocks()[i];
    double flops = 0;
    for (const Op& op : block.ops) flops += op.flops();
    layers.push_back(
        {{"layer", block.layer_name()},
         {"kernel", block.provider + ": " + block.kernel_name},
         {"forward_us_per_image", profiler.seconds(Piece::forward, i) * to_microseconds},
         {"backward_us_per_image", profiler.seconds(Piece::backward, i) * to_microseconds},
         {"weight_gradient_us_per_image", profiler.seconds(Piece::weight_gradient, i) * to_microseconds},
         {"sum_us_per_image", profiler.seconds(Piece::sum, i) * to_microseconds},
         {"forward_flops_per_image", flops}});
  }
  const auto spent = [&](Piece piece) { return profiler.seconds(piece) * to_microseconds; };
  const auto share = [&](Piece piece) { return profiler.seconds(piece) / m.elapsed; };
  const double waiting =
      share(Piece::meeting) + share(Piece::reduce) + share(Piece::update) + share(Piece::gather);
  return {{"images_per_second",
           {{"median", median(m.rates)},
            {"min", *std::min_element(m.rates.begin(), m.rates.end())},
            {"max", *std::max_element(m.rates.begin(), m.rates.end())}}},
          {"ranks", world.size()},
          {"threads_per_rank", threads},
          {"layers", layers},
          {"phases_us_per_image",
           {{"input", spent(Piece::input)},
            {"loss", spent(Piece::loss)},
            {"weight_gradient", spent(Piece::weight_gradient)},
            {"sum", spent(Piece::sum)},
            {"prepare", spent(Piece::prepare)},
            {"update", spent(Piece::update)}}},
          {"share_of_time",
           {{"compute", 1 - waiting},
            {"meeting", share(Piece::meeting)},
            {"waiting_for_sums", share(Piece::reduce)},
            {"update", share(Piece::update)},
            {"waiting_for_weights", share(Piece::gather)}}}};
}

void print(const MetricsEvent& json) {
  const auto& rate = json["images_per_second"];
  fmt::print("{:.0f} images/s (median; {:.0f} to {:.0f}), {} of {}\n", rate["median"].get<double>(),
             rate["min"].get<double>(), rate["max"].get<double>(), counted(json["ranks"].get<int>(), "rank"),
             counted(json["threads_per_rank"].get<int>(), "thread"));
  fmt::print("{:<28} {:<44} {:>10} {:>10}\n", "microseconds an image", "kernel", "forward", "backward");
  for (const auto& layer : json["layers"])
    fmt::print("{:<28} {:<44} {:>10.1f} {:>10.1f}\n", layer["layer"].get<std::string>(),
               layer["kernel"].get<std::string>(), layer["forward_us_per_image"].get<double>(),
               layer["backward_us_per_image"].get<double>());
  for (const auto& [phase, time] : json["phases_us_per_image"].items())
    fmt::print("{:<28} {:<44} {:>10.1f}\n", phase, "", time.get<double>());
  for (const auto& [phase, share] : json["share_of_time"].items())
    fmt::print("{:<28} {:>5.1f} % of the time\n", phase, 100 * share.get<double>());
}

}  // namespace

ExitCode run_bench(const CommandLine& line, World& world) {
  StallGuard guard(world);
  const auto communicator = world.communicator();
  ConfigOrRun input;
  agree(*communicator, [&] { input = config_or_run(line.config); });
  Rehearsal rehearsal(input.config, line, world, *communicator, guard);
  require_same_options(fmt::format("--steps {}{}", line.steps, line.trace ? " --trace" : ""), *communicator);
  rehearsal.allocate();
  rehearsal.initialize();
  const Measurement measurement = measure(rehearsal, line.steps, line.trace.has_value(), *communicator);
  const Profiler& profiler = rehearsal.runner().profiler();
  const Network& network = rehearsal.engine().network();
  const int threads = rehearsal.engine().pool().workers();
  if (line.trace) write_trace(*line.trace, profiler, network, measurement.begin, threads, *communicator);
  if (world.rank() != 0) return ExitCode::ok;
  const MetricsEvent json = json_of(measurement, profiler, network, world, threads);
  if (line.json)
    fmt::print("{}\n", json.dump());
  else
    print(json);
  return ExitCode::ok;
}

}  // namespace convoy
