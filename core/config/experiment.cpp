#include "core/config/experiment.h"

#include <array>

namespace convoy {

constexpr auto enum_names(Isa) {
  using config::EnumName;
  return std::array{EnumName{Isa::portable, "portable"}, EnumName{Isa::avx2, "avx2"},
                    EnumName{Isa::avx512, "avx512"}};
}

}  // namespace convoy

namespace convoy::config {

void Model::fields(Fields<Model>& f) {
  f.required("input_shape", &Model::input_shape, "a sample's shape: [height, width, channels] or [features]",
             between(1, 1 << 16).items(1, 3));
  f.optional("weights", &Model::weights, "safetensors file to start from", items(1));
  f.required("layers", &Model::layers, "the layer stack", items(1));
}

void SparseCategoricalCrossentropy::fields(Fields<SparseCategoricalCrossentropy>& f) {
  using L = SparseCategoricalCrossentropy;
  f.optional("from_logits", &L::from_logits, "the model ends without softmax (faster and more exact)");
  f.optional("label_smoothing", &L::label_smoothing, "part of the target spread over all classes",
             at_least(0).below(1));
}

void EarlyStopping::fields(Fields<EarlyStopping>& f) {
  f.optional("monitor", &EarlyStopping::monitor, "what should improve");
  f.optional("patience", &EarlyStopping::patience, "epochs without improvement before the end", at_least(0));
  f.optional("min_delta", &EarlyStopping::min_delta, "smallest change that counts as one", at_least(0));
  f.optional("restore_best_weights", &EarlyStopping::restore_best_weights,
             "end with the best epoch's weights");
}

void Train::fields(Fields<Train>& f) {
  f.optional("epochs", &Train::epochs, "passes over the training data", at_least(1));
  f.optional("global_batch_size", &Train::global_batch_size, "samples of one step, over all ranks",
             between(1, 1 << 24));
  f.optional("slices", &Train::slices,
             "parts of a batch, the most workers that can share it; decides bits. auto: the largest power of "
             "two with at "
             "least 8 samples each, at most 64",
             between(1, 1 << 16));
  f.optional("validation", &Train::validation,
             "what to measure after each epoch; a number holds out that part", above(0).below(1));
  f.optional("precision", &Train::precision,
             "what layers multiply: bfloat16 rounds their weights and what goes between them, split_bfloat16 "
             "allows kernels that multiply a float32 as two bfloat16; sums and master weights stay float32");
  f.optional("max_steps", &Train::max_steps, "stop after this many steps", at_least(1));
  f.optional("log_every_steps", &Train::log_every_steps, "steps between two `step` records", at_least(1));
  f.optional("on_nonfinite", &Train::on_nonfinite,
             "what to do about infinite or missing numbers in gradients");
  f.optional("early_stopping", &Train::early_stopping, "end when nothing improves");
  f.optional("kernels", &Train::kernels, "layer name to the provider that must compute it");
}

void Distributed::fields(Fields<Distributed>& f) {
  f.optional("backend", &Distributed::backend, "the device");
  f.optional("communicator", &Distributed::communicator, "how ranks talk");
  f.optional("reduce", &Distributed::reduce,
             "exact: the same bits on any ranks; native: fewer bytes, other bits");
  f.optional("bucket_mb", &Distributed::bucket_mb, "size of one gradient message, in MB",
             above(0).at_most(4096));
  f.optional("stall_timeout_s", &Distributed::stall_timeout_s,
             "seconds without progress before a rank gives up; at most a week", above(0).at_most(604800));
  f.optional("threads_per_rank", &Distributed::threads_per_rank,
             "workers of a rank; auto: its share of the cores", between(1, 4096));
  f.optional("cpu_isa", &Distributed::cpu_isa,
             "the widest instructions in use, to pin unequal machines to equal bits");
  f.optional("check_every_steps", &Distributed::check_every_steps,
             "steps between two comparisons of the ranks' weights", at_least(1));
}

void Checkpoint::fields(Fields<Checkpoint>& f) {
  f.optional("every_epochs", &Checkpoint::every_epochs, "epochs between two checkpoints", at_least(1));
  f.optional("every_steps", &Checkpoint::every_steps, "steps between two checkpoints", at_least(1));
  f.optional("every_minutes", &Checkpoint::every_minutes, "minutes between two checkpoints", above(0));
  f.optional("keep", &Checkpoint::keep, "newest checkpoints to keep", at_least(1));
  f.optional("best", &Checkpoint::best,
             "what decides the best weights; without validation or that metric its default is the nearest "
             "that there is");
  f.optional("resume", &Checkpoint::resume,
             "auto (the newest whole checkpoint), never, or a checkpoint's path", items(1));
}

void Fault::fields(Fields<Fault>& f) {
  f.required("rank", &Fault::rank, "where", at_least(0));
  f.required("step", &Fault::step, "when", at_least(0));
  f.required("kind", &Fault::kind, "what");
  f.optional("repeat", &Fault::repeat, "again after each restart");
}

void Experiment::fields(Fields<Experiment>& f) {
  f.optional("name", &Experiment::name, "names the run directory; default: the file's name");
  f.optional("seed", &Experiment::seed, "decides every random draw");
  f.required("data", &Experiment::data, "what to train on");
  f.required("model", &Experiment::model, "the network");
  f.optional("loss", &Experiment::loss, "what to minimise");
  f.optional("metrics", &Experiment::metrics, "what else to measure");
  f.optional("optimizer", &Experiment::optimizer, "how to minimise it");
  f.optional("train", &Experiment::train, "how long, in which batches");
  f.optional("distributed", &Experiment::distributed, "devices, ranks and threads");
  f.optional("checkpoint", &Experiment::checkpoint, "what to keep, and how to go on");
  f.optional("faults", &Experiment::faults, "failures to rehearse");
}

}  // namespace convoy::config
