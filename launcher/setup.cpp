#include "launcher/setup.h"

#include <algorithm>

#include "core/cpu/backend.h"
#include "core/cpu/isa.h"
#include "core/data/open_dataset.h"
#include "layers/model_builder.h"
#include "layers/model_checks.h"
#include "layers/registry.h"

namespace convoy {

namespace {

std::int64_t steps_per_epoch(const Setup& setup) {
  const std::int64_t batch = setup.experiment.train.global_batch_size;
  return (setup.training->size() + batch - 1) / batch;
}

bool of_dataset(const config::ChannelValues& values) {
  return values && std::holds_alternative<config::OfDataset>(*values);
}

/// `dataset` means and deviations become numbers, `decay_steps: auto` a count: resolved.yaml then
/// holds what was used.
void resolve(Setup& setup) {
  config::Data& data = setup.experiment.data;
  if (of_dataset(data.mean)) setup.derived.emplace_back("data.mean");
  if (of_dataset(data.std)) setup.derived.emplace_back("data.std");
  measure_channels(data, *setup.training);
  std::visit(
      [&](auto& optimizer) {
        auto* cosine = std::get_if<config::CosineDecay>(&optimizer.learning_rate);
        if (!cosine || cosine->decay_steps) return;
        const std::int64_t warmup = warmup_steps_of(optimizer);
        cosine->decay_steps = std::max(total_steps(setup) - warmup, std::int64_t{1});
        setup.derived.emplace_back(
            fmt::format("optimizer.{}.learning_rate.cosine_decay.decay_steps", optimizer.kName));
      },
      setup.experiment.optimizer);
}

LearningRate learning_rate(const config::OptimizerBase& optimizer) {
  LearningRate rate;
  rate.warmup_steps = warmup_steps_of(optimizer);
  if (const auto* constant = std::get_if<double>(&optimizer.learning_rate)) {
    rate.schedule = ConstantRate{*constant};
  } else if (const auto* pieces = std::get_if<config::PiecewiseConstantDecay>(&optimizer.learning_rate)) {
    rate.schedule = PiecewiseConstantDecay{pieces->boundaries, pieces->values};
  } else {
    const auto& cosine = std::get<config::CosineDecay>(optimizer.learning_rate);
    rate.schedule = CosineDecay{cosine.warmup_target.value_or(cosine.initial_learning_rate),
                                *cosine.decay_steps, cosine.alpha};
    if (cosine.warmup_target) rate.warmup_from = cosine.initial_learning_rate;
  }
  return rate;
}

}  // namespace

config::Capabilities capabilities() { return {}; }

namespace {

/// Shape and number of classes of a data set, from its kind alone; nothing for one whose files say.
struct KnownData {
  struct Facts {
    Shape sample;
    std::int64_t classes;
  };
  std::optional<Facts> operator()(const config::Cifar10&) const { return Facts{{32, 32, 3}, 10}; }
  std::optional<Facts> operator()(const config::Cifar100&) const { return Facts{{32, 32, 3}, 100}; }
  std::optional<Facts> operator()(const config::Shapes&) const { return Facts{{32, 32, 3}, 10}; }
  std::optional<Facts> operator()(const config::Mnist&) const { return std::nullopt; }
};

/// What is known of the data before it is read; nothing where the config leaves the data or the model's end
/// open.
std::optional<KnownData::Facts> known_data(const Setup& setup, const config::Diagnostics& diagnostics) {
  const bool whole = setup.model.layers.size() == setup.experiment.model.layers.size();
  if (!whole || diagnostics.has_error_about("data")) return std::nullopt;
  return std::visit(KnownData{}, setup.experiment.data.dataset);
}

/// Names in train.kernels that no layer has, and providers that cannot compute their layer.
void check_kernels(const Setup& setup, config::Diagnostics& diagnostics) {
  const CpuBackend backend(loops_of(widest_isa()));
  const std::span<const Op> ops(setup.model.ops);
  const bool all_known = !diagnostics.has_error_about("model");
  for (const auto& [layer, provider] : setup.experiment.train.kernels) {
    const auto op = std::ranges::find(ops, layer, &Op::layer_name);
    if (op == ops.end()) {
      const bool named = std::ranges::count(setup.model.layers, layer, &LayerInfo::name) > 0;
      if (all_known)
        diagnostics.error("train.kernels." + layer,
                          named ? "this layer computes nothing, so no provider can be chosen; remove it"
                                : "no layer has this name; `convoy summary` lists them");
      continue;
    }
    try {
      backend.select({op, ops.end()}, DType::float32, provider);
    } catch (const ConfigError& error) {
      diagnostics.error("train.kernels." + layer, error.what());
    }
  }
}

}  // namespace

Setup read_setup(const std::string& config, const std::vector<std::string>& overrides) {
  Setup setup;
  setup.catalogs.layers = layer_catalog();
  config::Diagnostics diagnostics;
  setup.experiment = config::read_experiment(config, overrides, setup.catalogs, capabilities(), diagnostics);
  setup.model = build_model(setup.experiment.model.input_shape, setup.experiment.model.layers, diagnostics);
  check_kernels(setup, diagnostics);
  if (const auto known = known_data(setup, diagnostics))
    setup.warnings = check_model(setup.model, setup.experiment, known->sample, known->classes, diagnostics);
  diagnostics.throw_if_any();
  setup.diagnostics = std::move(diagnostics);
  return setup;
}

namespace {

void choose_validation(Setup& setup) {
  const auto& validation = setup.experiment.train.validation;
  if (!validation) return;
  const double* fraction = std::get_if<double>(&*validation);
  if (!fraction) {
    setup.validation = setup.test;
    return;
  }
  try {
    const Holdout parts = hold_out(setup.training, *fraction, setup.experiment.seed);
    setup.training = parts.training;
    setup.validation = parts.held_out;
  } catch (const ConfigError& error) {
    setup.diagnostics.error("train.validation", error.what());
  }
}

}  // namespace

void open_data(Setup& setup) {
  const config::Data& data = setup.experiment.data;
  setup.training = open_dataset(data, Split::train);
  setup.test = open_dataset(data, Split::test);
  setup.warnings = check_model(setup.model, setup.experiment, setup.training->sample_shape(),
                               setup.training->classes(), setup.diagnostics);
  choose_validation(setup);
  setup.diagnostics.throw_if_any();
  resolve(setup);
}

void require_measured(const Setup& setup) {
  const config::Data& data = setup.experiment.data;
  if (!of_dataset(data.mean) && !of_dataset(data.std)) return;
  config::Diagnostics diagnostics = setup.diagnostics;
  diagnostics.error(of_dataset(data.mean) ? "data.mean" : "data.std",
                    "`dataset` is measured on the training split, which is not read here; give the run "
                    "directory, whose resolved.yaml has the numbers");
  diagnostics.throw_if_any();
}

InputPipeline make_pipeline(const Setup& setup, const DatasetPtr& dataset, bool training) {
  InputPipeline::Options options = input_options(setup.experiment.data, setup.experiment.seed);
  if (!training) options.augment.clear();
  return InputPipeline(dataset, std::move(options));
}

LossFunction make_loss(const config::Experiment& experiment) {
  const auto& loss = std::get<config::SparseCategoricalCrossentropy>(experiment.loss);
  return SparseCategoricalCrossentropy{loss.from_logits, loss.label_smoothing};
}

std::unique_ptr<Optimizer> make_optimizer(const config::Experiment& experiment, const simd::Table& loops) {
  if (const auto* sgd = std::get_if<config::Sgd>(&experiment.optimizer))
    return make_sgd({sgd->momentum, sgd->nesterov}, loops);
  if (const auto* adamw = std::get_if<config::AdamW>(&experiment.optimizer))
    return make_adam({adamw->beta_1, adamw->beta_2, adamw->epsilon, adamw->weight_decay}, loops);
  const auto& adam = std::get<config::Adam>(experiment.optimizer);
  return make_adam({adam.beta_1, adam.beta_2, adam.epsilon, 0}, loops);
}

GradientReducer::Mode reduction_of(const config::Experiment& experiment) {
  const bool exact = experiment.distributed.reduce == config::Reduce::exact;
  return exact ? GradientReducer::Mode::exact : GradientReducer::Mode::native;
}

StepRunner::Options step_options(const Setup& setup) {
  const config::Experiment& experiment = setup.experiment;
  StepRunner::Options options;
  options.batches = {.samples = setup.training->size(),
                     .global_batch_size = experiment.train.global_batch_size,
                     .slices = *experiment.train.slices,
                     .seed = experiment.seed,
                     .shuffle = experiment.data.shuffle};
  options.loss = make_loss(experiment);
  options.learning_rate = learning_rate(base_of(experiment.optimizer));
  options.global_clipnorm = base_of(experiment.optimizer).global_clipnorm;
  options.reduce = reduction_of(experiment);
  if (const auto& megabytes = experiment.distributed.bucket_mb)
    options.bucket_bytes = static_cast<std::int64_t>(*megabytes * 1e6);
  return options;
}

std::int64_t total_steps(const Setup& setup) {
  const config::Train& train = setup.experiment.train;
  const std::int64_t all = train.epochs * steps_per_epoch(setup);
  return train.max_steps ? std::min(all, *train.max_steps) : all;
}

}  // namespace convoy
