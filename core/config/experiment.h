#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "core/config/catalog.h"
#include "core/config/data_config.h"
#include "core/config/diagnostics.h"
#include "core/config/experiment_enums.h"
#include "core/config/fields.h"
#include "core/config/optimizer_config.h"
#include "core/cpu/isa.h"

namespace convoy::config {

// A config as typed values. Member names are the keys, initial values the defaults.

struct Model {
  std::vector<std::int64_t> input_shape;  ///< [H, W, C] or [F]
  std::optional<std::string> weights;
  std::vector<Choice> layers;
  static void fields(Fields<Model>& f);
};

struct SparseCategoricalCrossentropy {
  static constexpr std::string_view kName = "sparse_categorical_crossentropy";
  static constexpr std::string_view kHelp = "of integer labels";
  bool from_logits = false;
  double label_smoothing = 0;
  static void fields(Fields<SparseCategoricalCrossentropy>& f);
};
using Loss = std::variant<SparseCategoricalCrossentropy>;

/// `test`: validate on the test split.
struct OfTestSplit {
  static constexpr std::string_view kName = "test";
  static constexpr std::string_view kHelp = "the test split";
  static void fields(Fields<OfTestSplit>&) {}
};
/// None, the test split, or a fraction of the training split that is held out.
using Validation = std::optional<std::variant<OfTestSplit, double>>;

struct EarlyStopping {
  Monitor monitor = Monitor::val_loss;
  std::int64_t patience = 0;
  double min_delta = 0;
  bool restore_best_weights = false;
  static void fields(Fields<EarlyStopping>& f);
};

struct Train {
  std::int64_t epochs = 10;
  std::int64_t global_batch_size = 32;
  Auto<std::int64_t> slices;  ///< a number once read_experiment has returned
  Validation validation = OfTestSplit{};
  Precision precision = Precision::float32;
  std::optional<std::int64_t> max_steps;
  std::int64_t log_every_steps = 50;
  OnNonfinite on_nonfinite = OnNonfinite::stop;
  std::optional<EarlyStopping> early_stopping;
  std::map<std::string, std::string> kernels;
  static void fields(Fields<Train>& f);
};

struct Distributed {
  BackendKind backend = BackendKind::automatic;
  CommunicatorKind communicator = CommunicatorKind::automatic;
  Reduce reduce = Reduce::exact;
  Auto<double> bucket_mb;
  double stall_timeout_s = 60;
  Auto<int> threads_per_rank;
  Auto<Isa> cpu_isa;
  std::optional<std::int64_t> check_every_steps = 200;
  static void fields(Fields<Distributed>& f);
};

struct Checkpoint {
  std::optional<std::int64_t> every_epochs = 1;
  std::optional<std::int64_t> every_steps;
  std::optional<double> every_minutes;
  std::int64_t keep = 3;
  std::optional<Monitor> best = Monitor::val_accuracy;
  std::string resume = "auto";  ///< "auto", "never", or the path of a checkpoint
  static void fields(Fields<Checkpoint>& f);
};

struct Fault {
  int rank = 0;
  std::int64_t step = 0;
  FaultKind kind = FaultKind::kill;
  bool repeat = false;
  static void fields(Fields<Fault>& f);
};

struct Experiment {
  std::string name;  ///< never empty once read_experiment has returned
  std::uint64_t seed = 42;
  Data data;
  Model model;
  Loss loss;
  std::vector<Metric> metrics{Metric::accuracy};
  Optimizer optimizer;
  Train train;
  Distributed distributed;
  Checkpoint checkpoint;
  std::vector<Fault> faults;
  static void fields(Fields<Experiment>& f);
};

/// What this build can do; the rest is a config error that says so.
struct Capabilities {
  bool cuda = false;
  bool nccl = false;
  std::vector<Precision> precisions{Precision::float32, Precision::split_bfloat16, Precision::bfloat16};
  std::vector<FaultKind> faults{};
};

/// Reads a config. Unreadable YAML throws ConfigError; everything else goes to `diagnostics`, which the
/// caller hands on to whoever checks further, and then asks to throw. What follows from the config alone is
/// filled in: an absent `name` (the file's), `train.slices: auto`, and an absent `checkpoint.best` where it
/// has nothing to watch. `overrides`: "train.epochs=5", from --set.
Experiment read_experiment(const std::string& path, std::span<const std::string> overrides,
                           const Catalogs& catalogs, const Capabilities& capabilities,
                           Diagnostics& diagnostics);
/// The same of a document (its locations name the source); `name`: the default name.
Experiment read_experiment(Node document, const std::string& name, const Catalogs& catalogs,
                           const Capabilities& capabilities, Diagnostics& diagnostics);

/// read_experiment, throwing ConfigError with all errors, one a line.
Experiment load_experiment(const std::string& path, std::span<const std::string> overrides,
                           const Catalogs& catalogs, const Capabilities& capabilities = {});

/// resolved.yaml: every default written out; reading it gives the same experiment.
std::string to_yaml(const Experiment& experiment, const Catalogs& catalogs);
/// "train.epochs" -> "10" of every key, in order.
std::vector<std::pair<std::string, std::string>> to_keys(const Experiment& experiment,
                                                         const Catalogs& catalogs);
/// JSON Schema, draft 2020-12, indented.
std::string to_json_schema(const Catalogs& catalogs);
/// docs/config-reference.md
std::string reference_markdown(const Catalogs& catalogs);

/// What changing a key means for a run that exists.
enum class Effect {
  free,     ///< nothing of the result: ranks, threads, logging, checkpoints, faults, where the data lies
  extends,  ///< more epochs or steps, or a later early stop or none
  decides,  ///< other bits
};

struct Difference {
  std::string key;
  std::string before;  ///< "-" where the key was not there
  std::string after;
  Effect effect = Effect::decides;
};

/// All keys that decide the bits of a step, as text: equal for experiments that may go on from each other's
/// checkpoints.
std::string deciding_keys(const Experiment& experiment, const Catalogs& catalogs);

/// Every key that differs, in order.
std::vector<Difference> differences(const Experiment& before, const Experiment& after,
                                    const Catalogs& catalogs);
/// Leaves out the `derived` keys, which follow from others, where one of those differs and decides bits.
std::vector<Difference> without_derived(std::vector<Difference> differences,
                                        std::span<const std::string> derived);

}  // namespace convoy::config
