#include "core/config/experiment.h"

#include <fstream>
#include <gtest/gtest.h>
#include <set>

#include "tests/support/temporary_directory.h"
#include "tests/support/two_layers.h"

namespace convoy::config {
namespace {

const std::string kData = "data: {shapes: {train_samples: 100}}\n";
const std::string kModel = "model:\n  input_shape: [32, 32, 3]\n  layers: [flatten, dense: {units: 10}]\n";

Experiment parse(const std::string& text, Diagnostics& diagnostics, const Capabilities& capabilities = {}) {
  return read_experiment(parse_yaml(text, "f", diagnostics), "file-name", catalogs(), capabilities,
                         diagnostics);
}

std::string errors_of(const std::string& text, const Capabilities& capabilities = {}) {
  Diagnostics diagnostics;
  parse(text, diagnostics, capabilities);
  return diagnostics.text();
}

/// Of a sound config with `extra` in line 5 and on.
std::string errors(const std::string& extra, const Capabilities& capabilities = {}) {
  return errors_of(kData + kModel + extra, capabilities);
}

Experiment sound(const std::string& extra) {
  Diagnostics diagnostics;
  Experiment experiment = parse(kData + kModel + extra, diagnostics);
  EXPECT_EQ(diagnostics.text(), "");
  return experiment;
}

TEST(Experiment, KeysGivenTwiceAreToldWithAllElse) {
  EXPECT_EQ(errors("seed: 1\ntrain: {precision: tf32}\nseed: -2\n"),
            "f:6:20: train.precision: this build has no tf32; use float32, split_bfloat16 or bfloat16\n"
            "f:7:1: seed: given twice, first in line 5; keep one");
}

TEST(Experiment, HasKerasDefaults) {
  const Experiment e = sound("optimizer: adamw\n");
  const auto& adamw = std::get<AdamW>(e.optimizer);
  EXPECT_EQ(std::get<double>(adamw.learning_rate), 0.001);
  EXPECT_EQ(adamw.weight_decay, 0.004);
  EXPECT_EQ(adamw.epsilon, 1e-7);
  EXPECT_EQ(std::get<double>(std::get<Sgd>(sound("optimizer: sgd\n").optimizer).learning_rate), 0.01);
  EXPECT_FALSE(std::get<SparseCategoricalCrossentropy>(e.loss).from_logits);
  EXPECT_EQ(e.train.global_batch_size, 32);
}

TEST(Experiment, FillsInWhatFollows) {
  EXPECT_EQ(sound("").name, "file-name");
  EXPECT_EQ(sound("name: mine\n").name, "mine");
  EXPECT_EQ(*sound("").train.slices, 4);
  EXPECT_EQ(*sound("train: {global_batch_size: 7}\n").train.slices, 1);
  EXPECT_EQ(*sound("train: {slices: 5}\n").train.slices, 5);
  EXPECT_EQ(sound("").checkpoint.best, Monitor::val_accuracy);
  EXPECT_EQ(sound("train: {validation: none}\n").checkpoint.best, Monitor::accuracy);
  EXPECT_EQ(sound("metrics: []\n").checkpoint.best, Monitor::val_loss);
  EXPECT_EQ(sound("checkpoint: {best: none}\n").checkpoint.best, std::nullopt);
}

/// Every key at a value that is not its default.
const std::string kEverything =
    "name: everything\n"
    "seed: 18446744073709551615\n"
    "data:\n"
    "  cifar10: {path: \"a directory\"}\n"
    "  scale: 1/255\n"
    "  shuffle: false\n"
    "  mean: [0.49, 0.48, 0.44]\n"
    "  std: dataset\n"
    "  augment:\n"
    "    - random_flip: {mode: horizontal}\n"
    "    - random_crop: {padding: 2, fill: 255}\n"
    "    - random_translation: {height_factor: 0.1, width_factor: 1/8, fill_mode: constant, fill: 3}\n"
    "    - cutout: {size: 6, fill: 9}\n"
    "  limit: 1000\n"
    "model:\n"
    "  input_shape: [32, 32, 3]\n"
    "  weights: none.safetensors\n"
    "  layers:\n"
    "    - flatten: {name: flat}\n"
    "    - dense: {units: 10}\n"
    "loss: {sparse_categorical_crossentropy: {from_logits: true, label_smoothing: 0.1}}\n"
    "metrics: [top_5_accuracy, accuracy]\n"
    "optimizer:\n"
    "  sgd:\n"
    "    learning_rate:\n"
    "      cosine_decay: {initial_learning_rate: 0.1, alpha: 0.01, warmup_target: 0.2, warmup_steps: 10}\n"
    "    momentum: 0.9\n"
    "    nesterov: true\n"
    "    global_clipnorm: 1\n"
    "train:\n"
    "  epochs: 3\n"
    "  global_batch_size: 100\n"
    "  slices: 8\n"
    "  validation: 0.1\n"
    "  max_steps: 1000\n"
    "  log_every_steps: 5\n"
    "  on_nonfinite: skip\n"
    "  early_stopping: {monitor: val_top_5_accuracy, patience: 3, min_delta: 1e-3, restore_best_weights: "
    "true}\n"
    "  kernels: {conv2d: reference}\n"
    "distributed: {backend: cpu, communicator: mpi, reduce: native, bucket_mb: 2.5, stall_timeout_s: 5, "
    "threads_per_rank: 2, cpu_isa: avx2, check_every_steps: none}\n"
    "checkpoint: {every_epochs: none, every_steps: 7, every_minutes: 1.5, keep: 1, best: loss, resume: "
    "runs/x}\n"
    "faults: [{rank: 1, step: 37, kind: nan, repeat: true}]\n";

TEST(Experiment, ResolvedConfigGivesTheSameExperiment) {
  Capabilities capabilities;
  capabilities.faults = {FaultKind::nan};
  for (const std::string& text : {kEverything, kData + kModel,
                                  kData + kModel +
                                      "optimizer: {adam: {learning_rate: {piecewise_constant_decay: "
                                      "{boundaries: [10, 20], values: [1, 0.1, 0.01]}}}}\n"}) {
    Diagnostics diagnostics;
    const std::string once = to_yaml(parse(text, diagnostics, capabilities), catalogs());
    const std::string twice = to_yaml(parse(once, diagnostics, capabilities), catalogs());
    EXPECT_EQ(diagnostics.text(), "");
    EXPECT_EQ(once, twice);
  }
}

TEST(Experiment, ResolvedConfigKeepsEveryValue) {
  Capabilities capabilities;
  capabilities.faults = {FaultKind::nan};
  Diagnostics diagnostics;
  const Experiment e = parse(kEverything, diagnostics, capabilities);
  const auto keys = to_keys(e, catalogs());
  const std::map<std::string, std::string> values(keys.begin(), keys.end());
  EXPECT_EQ(values.size(), keys.size());
  for (const auto& [key, value] : flatten(parse_yaml(kEverything, "f"))) {
    // Numbers that are written another way.
    if (key == "data.scale" || key.ends_with("width_factor") || key.ends_with("min_delta")) continue;
    EXPECT_EQ(values.at(key), value) << key;
  }
  EXPECT_EQ(values.at("data.scale"), "0.00392156862745098");
}

TEST(Experiment, TellsThreeMistakesAtOnce) {
  EXPECT_EQ(errors_of("data:\n"
                      "  shapes:\n"
                      "  scale: big\n"
                      "model:\n"
                      "  input_shape: [32, 32, 3]\n"
                      "  layers:\n"
                      "    - flatten\n"
                      "    - dense: {unit: 10}\n"
                      "train: {epochs: 0, global_batch_size: 1e6}\n"
                      "trian: 3\n"),
            "f:3:10: data.scale: 'big' is not a number; give a number above 0\n"
            "f:8:15: model.layers[1].dense.unit: unknown key; did you mean 'units'?\n"
            "f:9:17: train.epochs: got '0'; give an integer of at least 1\n"
            "f:10:1: trian: unknown key; did you mean 'train'?");
}

TEST(Experiment, NamesWhatIsMissing) {
  EXPECT_EQ(errors_of("{}"),
            "f:1:1: data: missing (what to train on); give a mapping\n"
            "f:1:1: model: missing (the network); give a mapping");
  EXPECT_EQ(errors_of("data: {scale: 1}\n" + kModel),
            "f:1:1: data: no dataset (what to train on); give one of cifar10, cifar100, mnist or shapes");
  EXPECT_EQ(errors_of("data: {shapes: , mnist: {path: x}}\n" + kModel),
            "f:1:18: data.mnist: a second dataset beside 'shapes'; keep one of them");
  EXPECT_EQ(errors_of("data: {cifar10: }\n" + kModel),
            "f:1:8: data.cifar10.path: missing (directory of data_batch_1.bin to data_batch_5.bin and "
            "test_batch.bin); "
            "give text of at least 1 character");
  EXPECT_EQ(errors_of("data: {cifar: {path: x}}\n" + kModel),
            "f:1:8: data.cifar: unknown key; did you mean 'cifar10'?");
  EXPECT_EQ(errors_of("[]"), "f:1:1: got a list; give a mapping, as in {name: …}");
}

TEST(Experiment, SaysWhatThisBuildCannotDo) {
  EXPECT_EQ(errors("train: {precision: tf32}\n"),
            "f:5:20: train.precision: this build has no tf32; use float32, split_bfloat16 or bfloat16");
  EXPECT_EQ(errors("distributed: {backend: cuda, communicator: nccl}\n"),
            "f:5:24: distributed.backend: this build has no cuda; use auto or cpu\n"
            "f:5:44: distributed.communicator: this build has no nccl; use auto or mpi");
  EXPECT_EQ(errors("faults: [{rank: 0, step: 3, kind: kill}]\n"),
            "f:5:35: faults[0].kind: this build has no kill; remove it");
  Capabilities all;
  all.cuda = all.nccl = true;
  all.precisions = {Precision::float32, Precision::bfloat16};
  all.faults = {FaultKind::kill};
  EXPECT_EQ(errors("train: {precision: bfloat16}\ndistributed: {backend: cuda, communicator: nccl}\n"
                   "faults: [{rank: 0, step: 3, kind: kill}]\n",
                   all),
            "");
  EXPECT_EQ(errors("distributed: {backend: cpu, communicator: nccl}\n", all),
            "f:5:43: distributed.communicator: nccl moves data between GPUs; use mpi with backend: cpu");
}

TEST(Experiment, ChecksOptimizers) {
  EXPECT_EQ(errors("optimizer: {adam: {weight_decay: 0.1}}\n"),
            "f:5:20: optimizer.adam.weight_decay: unknown key; possible: learning_rate, warmup_steps, "
            "global_clipnorm, "
            "beta_1, beta_2 or epsilon");
  EXPECT_EQ(errors("optimizer: {adamm: {}}\n"),
            "f:5:13: optimizer.adamm: unknown name; did you mean 'adam'?");
  EXPECT_EQ(errors("optimizer: rmsprop\n"),
            "f:5:12: optimizer: unknown value 'rmsprop'; give adam, adamw or sgd");
  EXPECT_EQ(errors("optimizer: {adam: , sgd: }\n"),
            "f:5:21: optimizer.sgd: a second name beside 'adam'; keep one of them");
  EXPECT_EQ(errors("optimizer: {adam: {beta_1: 1}}\n"),
            "f:5:28: optimizer.adam.beta_1: got '1'; give a number of at least 0 and below 1");
  EXPECT_EQ(errors("optimizer: {sgd: {nesterov: true}}\n"),
            "f:5:29: optimizer.sgd.nesterov: has no effect without momentum; set momentum above 0");
  EXPECT_EQ(errors("optimizer: {sgd: {global_clipnorm: 0}}\n"),
            "f:5:36: optimizer.sgd.global_clipnorm: got '0'; give none or a number above 0");
}

TEST(Experiment, ChecksLearningRates) {
  const auto rate = [](const std::string& text) {
    return errors("optimizer: {adam: {learning_rate: " + text + "}}\n");
  };
  EXPECT_EQ(rate("-1"), "f:5:35: optimizer.adam.learning_rate: got '-1'; give a number of at least 0");
  EXPECT_EQ(rate("cosine"),
            "f:5:35: optimizer.adam.learning_rate: unknown value 'cosine'; did you mean 'cosine_decay'?");
  EXPECT_EQ(rate("linear"),
            "f:5:35: optimizer.adam.learning_rate: unknown value 'linear'; give a number of at least 0, "
            "cosine_decay or "
            "piecewise_constant_decay");
  EXPECT_EQ(rate("{cosine_decay: {decay_steps: 10}}"),
            "f:5:36: optimizer.adam.learning_rate.cosine_decay.initial_learning_rate: missing (rate at the "
            "start); give a "
            "number of at least 0");
  EXPECT_EQ(
      rate("{cosine_decay: {initial_learning_rate: 1, warmup_target: 2}}"),
      "f:5:92: optimizer.adam.learning_rate.cosine_decay.warmup_target: needs warmup_steps beside it; add "
      "warmup_steps or remove warmup_target");
  EXPECT_EQ(rate("{cosine_decay: {initial_learning_rate: 1, warmup_steps: 2}}, warmup_steps: 3"),
            "f:5:110: optimizer.adam.warmup_steps: given here and in the learning rate's schedule; keep one "
            "of them");
  EXPECT_EQ(rate("{piecewise_constant_decay: {boundaries: [10, 5], values: [1, 2]}}"),
            "f:5:63: optimizer.adam.learning_rate.piecewise_constant_decay.boundaries: 5 after 10; give the "
            "steps in "
            "ascending order\n"
            "f:5:84: optimizer.adam.learning_rate.piecewise_constant_decay.values: 2 values for 2 "
            "boundaries; give 3");
}

TEST(Experiment, ChecksTraining) {
  EXPECT_EQ(errors("train: {global_batch_size: 4, slices: 8}\n"),
            "f:5:39: train.slices: 8 slices of a batch of 4 samples; use at most 4");
  EXPECT_EQ(errors("train: {validation: 1.5}\n"),
            "f:5:21: train.validation: got '1.5'; give none, test or a number above 0 and below 1");
  EXPECT_EQ(errors("train: {validation: tets}\n"),
            "f:5:21: train.validation: unknown value 'tets'; did you mean 'test'?");
  EXPECT_EQ(errors("train: {validation: nine}\n"),
            "f:5:21: train.validation: unknown value 'nine'; did you mean 'none'?");
  EXPECT_EQ(errors("train: {validation: none, early_stopping: {patience: 2}}\n"),
            "f:5:27: train.early_stopping.monitor: val_loss needs validation, which is none; use loss or set "
            "train.validation");
  EXPECT_EQ(errors("train: {early_stopping: {monitor: val_top_5_accuracy}}\n"),
            "f:5:35: train.early_stopping.monitor: val_top_5_accuracy is not measured; add top_5_accuracy to "
            "metrics");
  EXPECT_EQ(errors("metrics: [top_5_accuracy]\ncheckpoint: {best: val_accuracy}\n"),
            "f:6:20: checkpoint.best: val_accuracy is not measured; add accuracy to metrics");
  EXPECT_EQ(errors("checkpoint: {best: val_acuracy}\n"),
            "f:5:20: checkpoint.best: unknown value 'val_acuracy'; did you mean 'val_accuracy'?");
  EXPECT_EQ(errors("metrics: [accuracy, accuracy]\n"),
            "f:5:21: metrics[1]: accuracy stands there twice; keep one");
  EXPECT_EQ(errors("train: {on_nonfinite: ignore}\n"),
            "f:5:23: train.on_nonfinite: unknown value 'ignore'; possible: stop or skip");
  EXPECT_EQ(errors("train: {kernels: onednn}\n"),
            "f:5:18: train.kernels: got 'onednn'; give a mapping of names, each to text");
}

TEST(Experiment, ChecksDataAndNames) {
  const auto data = [](const std::string& text) {
    return errors_of("data: {shapes: , " + text + "}\n" + kModel);
  };
  EXPECT_EQ(data("mean: [1, 2]"), "f:1:18: data.mean: 2 numbers for 3 channels; give 3 or one");
  EXPECT_EQ(data("std: [1, 0, 1]"), "f:1:27: data.std[1]: got '0'; give a number above 0");
  EXPECT_EQ(data("mean: datset"), "f:1:24: data.mean: unknown value 'datset'; did you mean 'dataset'?");
  EXPECT_EQ(data("augment: [random_flip: {mode: diagonal}]"),
            "f:1:48: data.augment[0].random_flip.mode: unknown value 'diagonal'; possible: horizontal, "
            "vertical or horizontal_and_vertical");
  EXPECT_EQ(data("augment: [flip]"),
            "f:1:28: data.augment[0]: unknown value 'flip'; give random_flip, random_crop, "
            "random_translation or cutout");
  EXPECT_EQ(data("limit: 0"), "f:1:25: data.limit: got '0'; give none or an integer of at least 1");
  EXPECT_EQ(errors("name: a/b\n"), "f:5:7: name: cannot name a directory; use letters, digits, - and _");
  EXPECT_EQ(errors("name: ''\n"), "f:5:7: name: cannot name a directory; use letters, digits, - and _");
  EXPECT_EQ(
      errors_of(kData +
                "model: {input_shape: [9], layers: [dense: {units: 1, name: a}, dense: {units: 1, name: a}, "
                "dense: {units: 1, name: a.b}]}\n"),
      "f:2:88: model.layers[1].dense.name: 'a' is already the name of model.layers[0].dense; choose another\n"
      "f:2:116: model.layers[2].dense.name: a layer's name cannot contain . [ ] or =; use letters, digits "
      "and _");
  EXPECT_EQ(
      errors_of(kData + "model: {input_shape: [99999999999, 1, 1, 1], layers: [flatten]}\n"),
      "f:2:9: model.input_shape: a list of 4 values; give a list of 1 to 3, each an integer from 1 to 65536");
  EXPECT_EQ(
      errors("seed: 18446744073709551616\n"),
      "f:5:7: seed: '18446744073709551616' does not fit a 64-bit integer; give an integer of at least 0");
}

TEST(Experiment, ReadsFilesWithOverrides) {
  const test::TemporaryDirectory directory;
  const std::string path = directory / "my-run.yaml";
  std::ofstream(path) << kData + kModel + "train: {epochs: 3}\n";
  const std::vector<std::string> good{"train.epochs=7", "optimizer.adam.learning_rate=3e-4",
                                      "model.layers[1].dense.units=5"};
  const Experiment e = load_experiment(path, good, catalogs());
  EXPECT_EQ(e.name, "my-run");
  EXPECT_EQ(e.train.epochs, 7);
  EXPECT_EQ(std::get<double>(base_of(e.optimizer).learning_rate), 3e-4);
  EXPECT_EQ(e.model.layers[1].as<Dense>().units, 5);

  const std::vector<std::string> bad{"train.epoch=7", "train.slices=x", "model.layers[9]=flatten"};
  try {
    load_experiment(path, bad, catalogs());
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_EQ(std::string(error.what()),
              "--set model.layers[9]: model.layers has 2 entries, numbered from 0; there is no [9]\n"
              "--set train.epoch: unknown key; did you mean 'epochs'?\n"
              "--set train.slices: 'x' is not an integer; give auto or an integer from 1 to 65536");
  }
}

TEST(Experiment, OptionsAreNamedByTheKeyThatIsWrong) {
  const test::TemporaryDirectory directory;
  const std::string path = directory / "my-run.yaml";
  std::ofstream(path) << kData + kModel;
  const std::vector<std::string> bad{"optimizer={sgd: {momentum: -1}}", "train.foo.bar=1"};
  Diagnostics diagnostics;
  read_experiment(path, bad, catalogs(), {}, diagnostics);
  EXPECT_EQ(diagnostics.text(),
            "--set optimizer.sgd.momentum: got '-1'; give a number from 0 to 1\n"
            "--set train.foo.bar: train.foo: unknown key; possible: epochs, global_batch_size, slices, "
            "validation, precision, max_steps, log_every_steps, on_nonfinite, early_stopping or kernels");
}

TEST(Experiment, KeywordsAreAmongWhatIsPossible) {
  EXPECT_EQ(errors("train: {validation: foo}\n"),
            "f:5:21: train.validation: unknown value 'foo'; give none, test or a number above 0 and below 1");
  EXPECT_EQ(errors("train: {early_stopping: 5}\n"),
            "f:5:25: train.early_stopping: got '5'; give none or a mapping, as in {monitor: …}");
  EXPECT_EQ(errors("checkpoint: {best: most}\n"),
            "f:5:20: checkpoint.best: unknown value 'most'; possible: loss, accuracy, top_5_accuracy, "
            "val_loss, val_accuracy, val_top_5_accuracy or none");
  EXPECT_EQ(errors("train: {slices: many}\n"),
            "f:5:17: train.slices: 'many' is not an integer; give auto or an integer from 1 to 65536");
  EXPECT_EQ(errors_of("data: {shapes: {}, mean: zero}\n" + kModel),
            "f:1:26: data.mean: unknown value 'zero'; give none, dataset or a list of at least 1, each a "
            "number");
}

TEST(Experiment, AFaultThatIsNotDescribedIsToldOnce) {
  EXPECT_EQ(errors("faults: [{kill: 1, rank: 0, step: 1, kind: nan}]\n", {.faults = {FaultKind::nan}}),
            "f:5:11: faults[0].kill: unknown key; possible: rank, step, kind or repeat");
  EXPECT_EQ(errors("faults: [{rank: 0, step: 1}]\n"),
            "f:5:10: faults[0].kind: missing (what); give kill, stop, nan, slow, corrupt_gradient, full_disk "
            "or drop_link");
}

TEST(Experiment, AnUnsoundLayerIsMarked) {
  Diagnostics diagnostics;
  const Experiment e =
      parse(kData + "model: {input_shape: [9], layers: [dense: {unit: 1}, flatten, con]}\n", diagnostics);
  ASSERT_EQ(e.model.layers.size(), 3u);
  EXPECT_FALSE(e.model.layers[0].sound);
  EXPECT_TRUE(e.model.layers[1].sound);
  EXPECT_FALSE(e.model.layers[2].sound);
}

TEST(Differences, SayWhatAChangeMeans) {
  const Experiment before = sound("");
  const auto changes = [&](const std::string& extra) {
    std::string text;
    for (const Difference& d : differences(before, sound(extra), catalogs())) {
      const char* effect = d.effect == Effect::free      ? "free"
                           : d.effect == Effect::extends ? "extends"
                                                         : "decides";
      text += d.key + ": " + d.before + " -> " + d.after + " " + effect + "\n";
    }
    return text;
  };
  EXPECT_EQ(changes(""), "");
  EXPECT_EQ(changes("train: {epochs: 20}\n"), "train.epochs: 10 -> 20 extends\n");
  EXPECT_EQ(changes("train: {epochs: 5}\n"), "train.epochs: 10 -> 5 decides\n");
  EXPECT_EQ(changes("train: {max_steps: 5}\n"), "train.max_steps: none -> 5 decides\n");
  EXPECT_EQ(changes("train: {log_every_steps: 5}\nname: x\nmetrics: []\ncheckpoint: {keep: 9}\n"),
            "name: file-name -> x free\n"
            "metrics: - -> [] free\n"
            "train.log_every_steps: 50 -> 5 free\n"
            "checkpoint.keep: 3 -> 9 free\n"
            "checkpoint.best: val_accuracy -> val_loss free\n"
            "metrics[0]: accuracy -> - free\n");
  EXPECT_EQ(changes("distributed: {threads_per_rank: 3, stall_timeout_s: 1, bucket_mb: 1, reduce: native, "
                    "cpu_isa: avx2}\n"),
            "distributed.reduce: exact -> native decides\n"
            "distributed.bucket_mb: auto -> 1 free\n"
            "distributed.stall_timeout_s: 60 -> 1 free\n"
            "distributed.threads_per_rank: auto -> 3 free\n"
            "distributed.cpu_isa: auto -> avx2 decides\n");
  EXPECT_EQ(changes("train: {global_batch_size: 64}\noptimizer: {adam: {learning_rate: 0.1}}\n"),
            "optimizer.adam.learning_rate: 0.001 -> 0.1 decides\n"
            "train.global_batch_size: 32 -> 64 decides\n"
            "train.slices: 4 -> 8 decides\n");
}

/// The effects of an edit of train.early_stopping, each once.
std::string effects_of_stopping(const std::string& before, const std::string& after) {
  std::set<std::string> effects;
  for (const Difference& d : differences(sound("train: {early_stopping: " + before + "}\n"),
                                         sound("train: {early_stopping: " + after + "}\n"), catalogs()))
    effects.insert(d.effect == Effect::extends ? "extends " : "decides ");
  std::string text;
  for (const std::string& effect : effects) text += effect;
  return text;
}

TEST(Differences, ALaterEarlyStopOrNoneExtends) {
  EXPECT_EQ(effects_of_stopping("{patience: 2}", "{patience: 3}"), "extends ");
  EXPECT_EQ(effects_of_stopping("{patience: 2}", "none"), "extends ");
  EXPECT_EQ(effects_of_stopping("{patience: 3}", "{patience: 2}"), "decides ");
  EXPECT_EQ(effects_of_stopping("none", "{patience: 2}"), "decides ");
  EXPECT_EQ(effects_of_stopping("{patience: 2}", "{patience: 3, monitor: loss}"), "decides extends ");
  EXPECT_EQ(effects_of_stopping("{}", "{restore_best_weights: true}"), "decides ");
}

TEST(Differences, EarlyStoppingDecidesNoBitsOfAStep) {
  EXPECT_EQ(deciding_keys(sound("train: {early_stopping: {patience: 2}}\n"), catalogs()),
            deciding_keys(sound(""), catalogs()));
  EXPECT_NE(deciding_keys(sound("seed: 3\n"), catalogs()), deciding_keys(sound(""), catalogs()));
}

TEST(Differences, LeaveOutWhatFollowsFromOthers) {
  const auto keys = [](std::vector<Difference> list) {
    std::string text;
    for (const Difference& d : without_derived(std::move(list), std::vector<std::string>{"data.mean"}))
      text += d.key + " ";
    return text;
  };
  const Difference seed{"seed", "1", "2", Effect::decides},
      mean{"data.mean[0]", "0.1", "0.2", Effect::decides}, name{"name", "a", "b", Effect::free};
  EXPECT_EQ(keys({seed, mean, name}), "seed name ");
  EXPECT_EQ(keys({mean, name}), "data.mean[0] name ");
}

}  // namespace
}  // namespace convoy::config
