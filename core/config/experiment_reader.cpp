#include <filesystem>

#include "core/config/experiment.h"
#include "core/config/experiment_checks.h"
#include "core/data/batch_plan.h"

namespace convoy::config {
namespace {

bool is_given(const Node& document, std::string_view section, std::string_view key) {
  const Node* found = document.find(section);
  return found != nullptr && found->find(key) != nullptr;
}

/// The best of what is measured.
Monitor measured(const Experiment& e) {
  const bool top_5 = e.metrics == std::vector{Metric::top_5_accuracy};
  if (e.metrics.empty()) return e.train.validation ? Monitor::val_loss : Monitor::loss;
  if (e.train.validation) return top_5 ? Monitor::val_top_5_accuracy : Monitor::val_accuracy;
  return top_5 ? Monitor::top_5_accuracy : Monitor::accuracy;
}

/// What follows from other keys.
void fill_in(Experiment& e, const Node& document, const std::string& name) {
  if (document.find("name") == nullptr) e.name = name;
  if (!is_given(document, "checkpoint", "best")) e.checkpoint.best = measured(e);
  if (!e.train.slices && e.train.global_batch_size >= 1)
    e.train.slices = automatic_slices(e.train.global_batch_size);
}

}  // namespace

Experiment read_experiment(Node document, const std::string& name, const Catalogs& catalogs,
                           const Capabilities& capabilities, Diagnostics& diagnostics) {
  const auto root = std::make_shared<const Node>(std::move(document));
  diagnostics.set_document(root);
  Experiment experiment;
  describe<Experiment>(catalogs)->read({*root, "", diagnostics}, &experiment);
  fill_in(experiment, *root, name);
  check_experiment(experiment, capabilities, diagnostics);
  return experiment;
}

Experiment read_experiment(const std::string& path, std::span<const std::string> overrides,
                           const Catalogs& catalogs, const Capabilities& capabilities,
                           Diagnostics& diagnostics) {
  Node document = parse_yaml_file(path, diagnostics);
  for (const std::string& assignment : overrides) {
    try {
      apply_override(document, assignment);
    } catch (const ConfigError& error) {
      diagnostics.add(error);
    }
  }
  const std::string stem = std::filesystem::path(path).stem().string();
  const bool readable = !document.is_scalar() && !document.is_list();
  Experiment experiment = read_experiment(std::move(document), stem.empty() ? "experiment" : stem, catalogs,
                                          capabilities, diagnostics);
  if (!readable) diagnostics.throw_if_any();  // whatever else were told follows from this alone
  return experiment;
}

Experiment load_experiment(const std::string& path, std::span<const std::string> overrides,
                           const Catalogs& catalogs, const Capabilities& capabilities) {
  Diagnostics diagnostics;
  Experiment experiment = read_experiment(path, overrides, catalogs, capabilities, diagnostics);
  diagnostics.throw_if_any();
  return experiment;
}

}  // namespace convoy::config
