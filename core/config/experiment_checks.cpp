#include "core/config/experiment_checks.h"

#include <algorithm>
#include <fmt/format.h>

namespace convoy::config {
namespace {

template <class T>
bool contains(const std::vector<T>& values, const T& wanted) {
  return std::find(values.begin(), values.end(), wanted) != values.end();
}

void check_name(const Experiment& e, Diagnostics& to) {
  const auto is_bad = [](char c) { return c == '/' || static_cast<unsigned char>(c) < 0x20; };
  const bool bad = e.name.empty() || std::any_of(e.name.begin(), e.name.end(), is_bad) ||
                   e.name.starts_with('.') || e.name.size() > 200;
  if (bad) to.error("name", "cannot name a directory; use letters, digits, - and _");
}

template <class E>
void check_possible(const std::vector<E>& possible, E wanted, const std::string& path, Diagnostics& to) {
  if (contains(possible, wanted)) return;
  std::vector<std::string> names;
  for (const E value : possible) names.emplace_back(name_of_value(value));
  const std::string instead = names.empty() ? "remove it" : "use " + join_names(names);
  to.error(path, fmt::format("this build has no {}; {}", name_of_value(wanted), instead));
}

void check_capabilities(const Experiment& e, const Capabilities& can, Diagnostics& to) {
  check_possible(can.precisions, e.train.precision, "train.precision", to);
  std::vector<BackendKind> backends{BackendKind::automatic, BackendKind::cpu};
  if (can.cuda) backends.push_back(BackendKind::cuda);
  check_possible(backends, e.distributed.backend, "distributed.backend", to);
  std::vector<CommunicatorKind> communicators{CommunicatorKind::automatic, CommunicatorKind::mpi};
  if (can.nccl) communicators.push_back(CommunicatorKind::nccl);
  check_possible(communicators, e.distributed.communicator, "distributed.communicator", to);
  if (can.nccl && e.distributed.communicator == CommunicatorKind::nccl &&
      e.distributed.backend == BackendKind::cpu) {
    to.error("distributed.communicator", "nccl moves data between GPUs; use mpi with backend: cpu");
  }
  for (std::size_t i = 0; i < e.faults.size(); ++i) {
    const std::string path = fmt::format("faults[{}]", i);
    if (!to.has_error_about(path)) check_possible(can.faults, e.faults[i].kind, path + ".kind", to);
  }
}

void check_channels(const Experiment& e, Diagnostics& to) {
  if (e.model.input_shape.size() != 3) return;
  const auto channels = static_cast<std::size_t>(e.model.input_shape.back());
  const auto check = [&](const ChannelValues& values, const std::string& path) {
    const auto* list = values ? std::get_if<std::vector<double>>(&*values) : nullptr;
    if (list == nullptr || list->size() == 1 || list->size() == channels) return;
    to.error(path,
             fmt::format("{} numbers for {} channels; give {} or one", list->size(), channels, channels));
  };
  check(e.data.mean, "data.mean");
  check(e.data.std, "data.std");
}

void check_slices(const Experiment& e, Diagnostics& to) {
  if (!e.train.slices || *e.train.slices <= e.train.global_batch_size) return;
  to.error("train.slices", fmt::format("{} slices of a batch of {} samples; use at most {}", *e.train.slices,
                                       e.train.global_batch_size, e.train.global_batch_size));
}

/// Whether what `monitor` watches is measured.
void check_monitor(const Experiment& e, Monitor monitor, const std::string& path, Diagnostics& to) {
  const std::string_view name = name_of_value(monitor);
  if (name.starts_with("val_") && !e.train.validation) {
    to.error(path, fmt::format("{} needs validation, which is none; use {} or set train.validation", name,
                               name.substr(4)));
    return;
  }
  for (const auto& [metric, metric_name] : enum_names(Metric{})) {
    if (name.ends_with(metric_name) && name.size() - metric_name.size() <= 4 &&
        !contains(e.metrics, metric)) {
      // "top_5_accuracy" ends with "accuracy" too.
      if (metric == Metric::accuracy && name.find("top_5") != std::string_view::npos) continue;
      to.error(path, fmt::format("{} is not measured; add {} to metrics", name, metric_name));
    }
  }
}

void check_metrics(const Experiment& e, Diagnostics& to) {
  for (std::size_t i = 0; i < e.metrics.size(); ++i) {
    if (std::find(e.metrics.begin(), e.metrics.begin() + static_cast<std::ptrdiff_t>(i), e.metrics[i]) ==
        e.metrics.begin() + static_cast<std::ptrdiff_t>(i)) {
      continue;
    }
    to.error(fmt::format("metrics[{}]", i),
             fmt::format("{} stands there twice; keep one", name_of_value(e.metrics[i])));
  }
}

void check_layer_names(const Experiment& e, Diagnostics& to) {
  for (std::size_t i = 0; i < e.model.layers.size(); ++i) {
    const Choice& layer = e.model.layers[i];
    if (layer.name.find_first_of(".[]=") != std::string::npos) {
      to.error(layer.path + ".name", "a layer's name cannot contain . [ ] or =; use letters, digits and _");
    }
    for (std::size_t j = 0; j < i && !layer.name.empty(); ++j) {
      if (e.model.layers[j].name != layer.name) continue;
      to.error(layer.path + ".name", fmt::format("'{}' is already the name of {}; choose another", layer.name,
                                                 e.model.layers[j].path));
      break;
    }
  }
}

}  // namespace

void check_experiment(const Experiment& e, const Capabilities& capabilities, Diagnostics& to) {
  check_layer_names(e, to);
  if (!to.has_error_at("name")) check_name(e, to);
  const bool sound_metrics = !to.has_error_at("metrics");
  if (sound_metrics) check_metrics(e, to);
  if (!to.has_error_at("model.input_shape")) check_channels(e, to);
  if (!to.has_error_at("train.slices") && !to.has_error_at("train.global_batch_size")) check_slices(e, to);
  if (sound_metrics && !to.has_error_at("train.validation")) {
    if (e.train.early_stopping && !to.has_error_at("train.early_stopping")) {
      check_monitor(e, e.train.early_stopping->monitor, "train.early_stopping.monitor", to);
    }
    if (e.checkpoint.best && !to.has_error_at("checkpoint.best"))
      check_monitor(e, *e.checkpoint.best, "checkpoint.best", to);
  }
  check_capabilities(e, capabilities, to);
}

}  // namespace convoy::config
