#include "launcher/run_difference.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <map>

#include "core/error.h"
#include "launcher/checkpoint.h"
#include "launcher/progress.h"
#include "launcher/safetensors.h"

namespace convoy {
namespace fs = std::filesystem;
namespace {

/// Events that record results; the others (start, warning, restart, checkpoint) may differ between equal
/// trainings.
constexpr std::array<std::string_view, 3> kCompared{"step", "epoch", "end"};
constexpr std::array<std::string_view, 2> kTimes{"seconds", "images_per_second"};

/// "step 150", "end at step 150"; what an event is matched by.
std::string place_of(const MetricsEvent& event) {
  const auto& name = event["event"].get_ref<const std::string&>();
  if (name == "end" && event.contains("step")) return fmt::format("end at step {}", event["step"].dump());
  return event.contains(name) ? fmt::format("{} {}", name, event[name].dump()) : std::string();
}

std::optional<MetricDifference> compare_events(const MetricsEvent& first, const MetricsEvent& second) {
  const auto is_time = [](std::string_view field) {
    return std::ranges::find(kTimes, field) != kTimes.end();
  };
  const auto text = [](const MetricsEvent& event, const std::string& field) {
    return event.contains(field) ? event[field].dump() : "absent";
  };
  for (const MetricsEvent* event : {&first, &second}) {
    for (const auto& [field, ignored] : event->items()) {
      MetricDifference difference{first["event"], place_of(first), field, text(first, field),
                                  text(second, field)};
      if (!is_time(field) && difference.first != difference.second) return difference;
    }
  }
  return {};
}

/// The events that count, by what they are matched by; where a resumed run has one twice, the later.
std::map<std::string, MetricsEvent> by_place(const std::vector<MetricsEvent>& events) {
  std::map<std::string, MetricsEvent> result;
  for (const MetricsEvent& event : events) {
    if (std::ranges::find(kCompared, event["event"].get_ref<const std::string&>()) == kCompared.end())
      continue;
    result[event["event"].get<std::string>() + place_of(event)] = event;
  }
  return result;
}

/// The step at which the run ended, whose weights final.safetensors holds.
std::optional<std::int64_t> last_step(const RunPaths& run) {
  const auto end = end_of_run(run);
  if (!end || !end->contains("step")) return {};
  return end->at("step").get<std::int64_t>();
}

void compare_metrics(const RunPaths& first, const RunPaths& second, RunDifference& result) {
  const auto events = read_metrics(first.metrics());
  const auto others = by_place(read_metrics(second.metrics()));
  const auto latest = by_place(events);
  for (const MetricsEvent& event : events) {
    const std::string key = event["event"].get<std::string>() + place_of(event);
    const auto other = others.find(key);
    if (other == others.end() || latest.at(key) != event) continue;
    ++result.events_compared;
    result.metrics = compare_events(event, other->second);
    if (result.metrics) return;
  }
}

double element(const StoredTensor& tensor, std::size_t index) {
  const std::byte* place = tensor.bytes.data() + index * size_of(tensor.type);
  const auto as = [place]<class T>(T value) {
    std::memcpy(&value, place, sizeof(value));
    return static_cast<double>(value);
  };
  switch (tensor.type) {
    case StoredType::float32:
      return as(float{});
    case StoredType::float64:
      return as(double{});
    case StoredType::int64:
      return as(std::int64_t{});
    case StoredType::uint8:
      return as(std::uint8_t{});
  }
  return 0;
}

std::optional<TensorDifference> compare_tensors(const StoredTensor& first, const StoredTensor& second) {
  TensorDifference difference;
  difference.tensor = first.name;
  difference.elements = first.elements();
  if (first.type != second.type || first.shape != second.shape) {
    difference.problem =
        fmt::format("{} [{}] in the first run, {} [{}] in the second", format_name(first.type),
                    fmt::join(first.shape, ", "), format_name(second.type), fmt::join(second.shape, ", "));
    return difference;
  }
  // Bits, not values: a zero's sign and a NaN count.
  if (std::ranges::equal(first.bytes, second.bytes)) return {};
  const std::size_t size = size_of(first.type);
  for (std::size_t i = 0; i < first.bytes.size() / size; ++i) {
    if (std::memcmp(&first.bytes[i * size], &second.bytes[i * size], size) == 0) continue;
    const double a = element(first, i);
    const double b = element(second, i);
    if (difference.differing++ == 0) {
      difference.first_index = static_cast<std::int64_t>(i);
      difference.first_value = a;
      difference.second_value = b;
    }
    difference.largest = std::fmax(difference.largest, std::abs(a - b));
  }
  return difference;
}

void compare_checkpoints(const RunPaths& first, const RunPaths& second, RunDifference& result) {
  std::ranges::set_intersection(checkpoint_steps(first.checkpoints()), checkpoint_steps(second.checkpoints()),
                                std::back_inserter(result.steps_compared));
  for (const std::int64_t step : result.steps_compared) {
    for (const char* name : {"weights.safetensors", "optimizer.safetensors"}) {
      const fs::path one = checkpoint_path(first.checkpoints(), step) / name;
      const fs::path two = checkpoint_path(second.checkpoints(), step) / name;
      result.tensor = compare_tensor_files(one, two, one.lexically_relative(first.directory).string());
      if (result.tensor) return;
    }
  }
  const auto step = last_step(first);
  result.final_compared = step && step == last_step(second) && fs::exists(first.final_weights()) &&
                          fs::exists(second.final_weights());
  if (!result.final_compared) return;
  result.tensor = compare_tensor_files(first.final_weights(), second.final_weights(),
                                       first.final_weights().filename().string());
}

}  // namespace

std::optional<TensorDifference> compare_tensor_files(const fs::path& first, const fs::path& second,
                                                     const std::string& name) {
  const SafetensorsFile one(first);
  const SafetensorsFile two(second);
  std::optional<TensorDifference> result;
  for (const StoredTensor& tensor : one.tensors()) {
    const StoredTensor* other = two.find(tensor.name);
    if (other != nullptr) {
      result = compare_tensors(tensor, *other);
    } else {
      result = TensorDifference{.file = {}, .tensor = tensor.name, .problem = "absent in the second run"};
    }
    if (result) break;
  }
  for (const StoredTensor& tensor : two.tensors()) {
    if (result || one.find(tensor.name) != nullptr) continue;
    result = TensorDifference{.file = {}, .tensor = tensor.name, .problem = "absent in the first run"};
  }
  if (result) result->file = name;
  return result;
}

RunDifference compare_runs(const RunPaths& first, const RunPaths& second) {
  for (const RunPaths& run : {first, second}) {
    if (fs::exists(run.metrics())) continue;
    throw ConfigError("{} holds no run (no metrics.jsonl); name a run directory", run.directory.string());
  }
  RunDifference result;
  compare_metrics(first, second, result);
  compare_checkpoints(first, second, result);
  return result;
}

std::string describe(const RunDifference& difference) {
  std::string text = difference.equal() ? "no difference" : "the runs differ";
  text += fmt::format(" ({} events, {} checkpoints{} compared)", difference.events_compared,
                      difference.steps_compared.size(),
                      difference.final_compared ? " and the final weights" : "");
  if (const auto& metric = difference.metrics) {
    text += fmt::format("\nfirst in metrics.jsonl: {}: {} is {}, then {}",
                        metric->place.empty() ? metric->event : metric->place, metric->field, metric->first,
                        metric->second);
  }
  if (const auto& tensor = difference.tensor) {
    text += fmt::format("\nfirst tensor: {}: {}: ", tensor->file, tensor->tensor);
    text += !tensor->problem.empty()
                ? tensor->problem
                : fmt::format("{} of {} elements, by at most {:.3g}; element {} is {:.9g}, then {:.9g}",
                              grouped(tensor->differing), grouped(tensor->elements), tensor->largest,
                              tensor->first_index, tensor->first_value, tensor->second_value);
  }
  return text;
}

}  // namespace convoy
