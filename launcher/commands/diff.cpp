#include <fmt/format.h>

#include "launcher/commands/command.h"
#include "launcher/metrics_writer.h"
#include "launcher/run_difference.h"

namespace convoy {

namespace {

MetricsEvent json_of(const RunDifference& difference) {
  MetricsEvent json{{"equal", difference.equal()}};
  if (const auto& metrics = difference.metrics)
    json["metrics"] = {{"event", metrics->event},
                       {"place", metrics->place},
                       {"field", metrics->field},
                       {"first", metrics->first},
                       {"second", metrics->second}};
  if (const auto& tensor = difference.tensor)
    json["tensor"] = {{"file", tensor->file},           {"tensor", tensor->tensor},
                      {"problem", tensor->problem},     {"elements", tensor->elements},
                      {"differing", tensor->differing}, {"largest", tensor->largest}};
  return json;
}

}  // namespace

ExitCode run_diff(const CommandLine& line, World& world) {
  if (world.rank() != 0) return ExitCode::ok;
  const RunDifference difference = compare_runs({line.config}, {line.other});
  fmt::print("{}\n", line.json ? json_of(difference).dump() : describe(difference));
  return difference.equal() ? ExitCode::ok : ExitCode::difference;
}

}  // namespace convoy
