# What the tests of the commands share. Sourced with: CONVOY_BIN, SOURCE_DIR; each test runs in a directory of its own.
set -euo pipefail

convoy=$1
source_dir=$2
. "$source_dir/scripts/lib.sh"
trap - ERR
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

failures=0
fail() {
  printf 'FAILED: %s\n' "$*" >&2
  failures=$((failures + 1))
}
finish() {
  [ "$failures" -eq 0 ] || { printf '%d checks failed\n' "$failures" >&2; exit 1; }
  echo "all checks passed"
}
expect_equal() { # what, value, expected
  [ "$2" = "$3" ] || fail "$1: '$2' instead of '$3'"
}
expect_match() { # what, text, extended regular expression
  grep -qE -- "$3" <<<"$2" || fail "$1: no match for '$3' in: $2"
}

# Runs convoy on so many ranks; its exit code is the job's.
ranks() {
  local count=$1
  shift
  # shellcheck disable=SC2046
  timeout 240 mpirun $(mpirun_options "$count") --bind-to none "$convoy" "$@"
}

# The hash of a finished run's weights.
weights_of() { sed -n 's/.*"event":"end".*"weights_sha256":"\([0-9a-f]*\)".*/\1/p' "$1/metrics.jsonl" | tail -1; }

# A network with everything that could depend on ranks: augmentation, dropout, both kinds of batch normalisation, a short
# last batch, clipping, a schedule.
write_config() {
  cat >everything.yaml <<'YAML'
name: everything
seed: 7
data:
  shapes: {train_samples: 150, test_samples: 70}
  scale: 1/255
  mean: dataset
  std: dataset
  augment:
    - random_flip: {mode: horizontal}
    - random_crop: {padding: 3}
    - cutout: {size: 6}
model:
  input_shape: [32, 32, 3]
  layers:
    - conv2d: {filters: 8, kernel_size: 3, strides: 2, padding: same, use_bias: false}
    - batch_normalization
    - relu
    - conv2d: {filters: 12, kernel_size: 3, activation: relu}
    - max_pooling2d
    - batch_normalization: {statistics: slice}
    - dropout: {rate: 0.2}
    - flatten
    - dense: {units: 16, activation: relu}
    - dense: {units: 10}
loss:
  sparse_categorical_crossentropy: {from_logits: true, label_smoothing: 0.1}
optimizer:
  adamw: {learning_rate: {cosine_decay: {initial_learning_rate: 0.003}}, warmup_steps: 3, global_clipnorm: 1.0}
train: {epochs: 3, global_batch_size: 40, slices: 8, log_every_steps: 1}
YAML
}
