#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fmt/format.h>

#include "launcher/collective.h"
#include "launcher/commands/command.h"
#include "launcher/commands/inputs.h"
#include "launcher/evaluation.h"
#include "launcher/metrics_writer.h"
#include "launcher/same_setup.h"
#include "launcher/wording.h"

namespace convoy {

namespace {

MetricsEvent json_of(const EvaluationResult& result, const Dataset& data, bool with_top5) {
  MetricsEvent json{{"samples", result.samples}, {"loss", result.loss}, {"accuracy", result.accuracy}};
  if (with_top5) json["top_5_accuracy"] = result.top5;
  MetricsEvent classes = MetricsEvent::object();
  MetricsEvent confusion = MetricsEvent::array();
  for (std::int64_t label = 0; label < result.classes; ++label) {
    classes[data.class_names()[static_cast<std::size_t>(label)]] = result.class_accuracy(label);
    const auto row = std::span(result.confusion)
                         .subspan(static_cast<std::size_t>(label * result.classes),
                                  static_cast<std::size_t>(result.classes));
    confusion.push_back(std::vector<std::int64_t>(row.begin(), row.end()));
  }
  json["class_accuracy"] = classes;
  json["confusion_matrix"] = confusion;
  return json;
}

void print(const EvaluationResult& result, const Dataset& data, bool with_top5) {
  const std::string top5 = with_top5 ? fmt::format(", top-5 accuracy {:.4f}", result.top5) : "";
  fmt::print("loss {:.4f}, accuracy {:.4f}{} over {}\n", result.loss, result.accuracy, top5,
             counted(result.samples, "sample"));
  for (std::int64_t label = 0; label < result.classes; ++label) {
    const double accuracy = result.class_accuracy(label);
    fmt::print("  {:<16} {}\n", data.class_names()[static_cast<std::size_t>(label)],
               std::isnan(accuracy) ? "-" : fmt::format("{:.4f}", accuracy));
  }
}

}  // namespace

ExitCode run_evaluate(const CommandLine& line, World& world) {
  StallGuard guard(world);
  const auto communicator = world.communicator();
  WeightedModel model;
  model.load(line, world, *communicator, guard);
  agree(*communicator, [&] { open_data(model.setup); });
  const Setup& setup = model.setup;
  require_same_config(setup, *communicator);  // once more, with what follows from the data
  require_same_data(line.split == "train" ? *setup.training : *setup.test, *communicator);
  const InputPipeline pipeline =
      make_pipeline(setup, line.split == "train" ? setup.training : setup.test, false);
  const std::unique_ptr<Evaluator> evaluator = model.engine->make_evaluator(pipeline.dataset().size());
  guard.watchdog().enter("evaluating, or waiting for other ranks", 0);
  const EvaluationResult result =
      evaluate(*evaluator, pipeline, model.state->current().parameters(), model.state->current().statistics(),
               make_loss(setup.experiment), *communicator, &guard.watchdog());
  const bool with_top5 = std::ranges::count(setup.experiment.metrics, config::Metric::top_5_accuracy) > 0;
  if (world.rank() == 0) {
    if (line.json)
      fmt::print("{}\n", json_of(result, pipeline.dataset(), with_top5).dump());
    else
      print(result, pipeline.dataset(), with_top5);
    std::fflush(stdout);
  }
  if (const auto defect = result.defect())
    throw AgreedError(ExitCode::numeric,
                      fmt::format("the weights give {}: they are of no use; take those of an "
                                  "earlier checkpoint with --weights",
                                  *defect));
  return ExitCode::ok;
}

}  // namespace convoy
