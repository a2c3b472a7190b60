#!/usr/bin/env bash
# Bad input gets clear lines, the right exit code on every rank, and loses nothing.
. "$(dirname "$0")/lib.sh"
write_config

# expect_error_alone CODE PATTERN ARGUMENTS...: one clear line.
expect_error_alone() {
  local expected=$1 pattern=$2 code=0 text
  shift 2
  text=$("$convoy" "$@" 2>&1) || code=$?
  expect_equal "exit code of convoy $*" "$code" "$expected"
  expect_match "convoy $*" "$text" "$pattern"
}

# expect_error CODE PATTERN ARGUMENTS...: the same, from one rank and from two.
expect_error() {
  local expected=$1 pattern=$2 code=0 text
  expect_error_alone "$@"
  shift 2
  text=$(ranks 2 "$@" 2>&1) || code=$?
  expect_equal "exit code on two ranks of convoy $*" "$code" "$expected"
  expect_equal "times that two ranks say it of convoy $*" "$(grep -cE -- "$pattern" <<<"$text")" 1
}

expect_error 2 'nothing.yaml' train nothing.yaml
expect_error 2 "no command 'trian'; there are train, evaluate, predict, summary, check, bench, diff, schema" trian nothing.yaml
expect_error 2 'no command; there are train, '
expect_error 2 'stall_timeout_s.*604800' check everything.yaml --set distributed.stall_timeout_s=1e11
for command in "diff one one" schema; do
  # shellcheck disable=SC2086
  expect_match "convoy $command" "$("$convoy" $command --set seed=8 2>&1 || true)" '^(convoy: one holds no run|\{)'
done

# Options: what, the nearest name, where to look.
expect_error 2 '^convoy: no option --rundir; did you mean --run-dir\?; see convoy train --help$' train everything.yaml --rundir x
expect_error_alone 2 '^convoy: no option -x; see convoy train --help$' train everything.yaml -x
expect_error_alone 2 '^convoy: CONFIG is missing; see convoy train --help$' train
expect_error_alone 2 '^convoy: OTHER is missing; see convoy diff --help$' diff one
expect_error_alone 2 "^convoy: 'two.yaml' is one argument too many; see convoy check --help$" check one.yaml two.yaml
expect_error_alone 2 '^convoy: --run-dir takes a value: --run-dir DIR; see convoy train --help$' train everything.yaml --run-dir
expect_error_alone 2 '^convoy: --run-dir is given 2 times; see' train everything.yaml --run-dir a --run-dir b
expect_error_alone 2 '^convoy: --output F.npy is missing; see convoy predict --help$' predict everything.yaml
expect_error_alone 2 "^convoy: --split: unknown value 'tset'; did you mean 'test'\?; see convoy evaluate --help$" evaluate everything.yaml --split tset
expect_error_alone 2 "^convoy: --steps: 'few' is not an integer of at least 1; see convoy bench --help$" bench everything.yaml --steps few
expect_error_alone 2 '^convoy: --(final|weights) excludes --(final|weights); give one of them; see convoy evaluate --help$' \
  evaluate everything.yaml --final --weights w.safetensors
expect_error_alone 2 '^convoy: --(split|images) excludes --(split|images); give one of them; see convoy predict --help$' \
  predict everything.yaml --output o.npy --split test --images a.png
expect_match "help of train" "$("$convoy" train --help)" '^ +CONFIG +The experiment.s YAML file$'

# Mistakes in a config begin with their place, the first as all others.
sed 's/filters: 8/filers: 8/' everything.yaml >typo.yaml
expect_error 2 "^typo.yaml:15:.*filers: unknown key; did you mean 'filters'" train typo.yaml
sed '/flatten/d' everything.yaml >unflattened.yaml
expect_error 2 'unflattened.yaml:.*dense.*add `- flatten` before it' train unflattened.yaml
sed 's/kernel_size: 3, activation/kernel_size: 40, activation/' everything.yaml >large.yaml
expect_error 2 'large.yaml:.*kernel_size.*use `padding: same`' train large.yaml
sed 's/units: 10}/units: 9}/' everything.yaml >few.yaml
expect_error 2 'few.yaml:.*9 .*10' train few.yaml
expect_error_alone 2 "^--set train.epoch: unknown key; did you mean 'epochs'\?$" train everything.yaml --set train.epoch=3
expect_error_alone 2 ': is a directory; give the config' train "$work"
expect_error 2 'this build' train everything.yaml --set train.precision=tf32
expect_error 2 'this build' train everything.yaml --set distributed.backend=cuda
expect_error 2 'slices' train everything.yaml --set train.slices=none
sed 's/^train: {/train: {kernels: {dense: onednn}, /' everything.yaml >kernels.yaml
expect_error 2 "kernels.yaml:[0-9]+:[0-9]+: train.kernels.dense: 'onednn' computes no dense.*use one of: .*openblas" train kernels.yaml
sed 's/^train: {/train: {kernels: {conv: native}, /' everything.yaml >kernels.yaml
expect_error_alone 2 '^kernels.yaml:[0-9]+:[0-9]+: train.kernels.conv: no layer has this name' train kernels.yaml
expect_error_alone 2 '^--set train.kernels.flatten: this layer computes nothing' check everything.yaml \
  --set 'train.kernels={flatten: native}'
expect_error_alone 2 '^--set train.validation: holding out 0.001 of 150 samples leaves 0' train everything.yaml --set train.validation=0.001
expect_error_alone 3 'scripts/get_data.sh cifar100' train everything.yaml \
  --set 'data={cifar100: {path: nowhere}, scale: 1/255}' --set 'model.layers[9].dense.units=100'
expect_error_alone 5 'cannot allocate .*make the model .* smaller' train everything.yaml --run-dir immense \
  --set 'model.layers=[flatten, dense: {units: 16000000}, dense: {units: 10}]'
expect_error 3 'no-such-directory' train everything.yaml --set 'data={cifar10: {path: no-such-directory}, scale: 1/255}'
expect_error 7 'damaged.safetensors' evaluate everything.yaml --weights damaged.safetensors
expect_error 7 'damaged.safetensors' check everything.yaml --set model.weights=damaged.safetensors
expect_error 6 'learning rate' train everything.yaml --run-dir nan --set 'optimizer={sgd: {learning_rate: 1e30}}'
expect_error 2 'no weights' evaluate everything.yaml

# Three mistakes are told at once.
sed 's/filters: 8/filers: 8/; s/epochs: 3/epochs: -1/; s/seed: 7/sed: 7/' everything.yaml >three.yaml
text=$("$convoy" train three.yaml 2>&1) || true
expect_equal "lines for three mistakes" "$(grep -c 'three.yaml:' <<<"$text")" 3

# What the layers' misfits leave certain is told with them.
sed 's/kernel_size: 3, activation/kernel_size: 40, activation/; s/units: 10}/units: 7}/' everything.yaml >misfit.yaml
text=$("$convoy" train misfit.yaml 2>&1) || true
expect_match "a misfit and too few outputs" "$text" 'kernel_size: .*a window of 40 x 40'
expect_match "a misfit and too few outputs" "$text" '7 outputs for 10 classes'
sed 's/filters: 12/filters: 0/; s/units: 10}/units: 7}/; s/^train: {/train: {kernels: {batch_normalization_1: native}, /' \
  everything.yaml >unsound.yaml
text=$("$convoy" train unsound.yaml 2>&1) || true
expect_match "an impossible value and too few outputs" "$text" 'filters: '
expect_match "an impossible value and too few outputs" "$text" '7 outputs for 10 classes'
expect_equal "lines for an impossible value and too few outputs" "$(wc -l <<<"$text")" 2
expect_equal "lines for a slash in a name" \
  "$(sed 's,- flatten,- flatten: {name: x/y},' everything.yaml >slash.yaml; "$convoy" train slash.yaml 2>&1 | wc -l)" 1
# Of data that is not named, the number of classes is not known.
sed 's/units: 10}/units: 7}/; s/shapes: {/shappes: {/' everything.yaml >unnamed.yaml
text=$("$convoy" train unnamed.yaml 2>&1) || true
expect_equal "lines for data without a name" "$(wc -l <<<"$text")" 1

# A mistake in the whole is not told again of its parts.
: >empty.yaml
text=$("$convoy" train empty.yaml 2>&1) || true
expect_equal "lines for an empty config" "$(wc -l <<<"$text")" 2
echo 'some words' >words.yaml
text=$("$convoy" train words.yaml 2>&1) || true
expect_equal "a config of words" "$text" "words.yaml:1:1: got 'some words'; give a mapping, as in {name: …}"

# More ranks than slices.
code=0
text=$(ranks 3 train everything.yaml --set train.slices=2 2>&1) || code=$?
expect_equal "exit code for more ranks than slices" "$code" 2
expect_match "more ranks than slices" "$text" "^--set train.slices: 2 slices cannot be shared by 3 ranks; start at most 2 ranks"

# N processes that MPI does not see as N ranks must not train N times.
code=0
text=$(OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_RANK=0 timeout 60 "$convoy" train everything.yaml 2>&1) || code=$?
expect_equal "exit code for processes that MPI does not see" "$code" 4
expect_match "processes that MPI does not see" "$text" "started 2 processes, but MPI sees only 1"

# A truncated data file.
mkdir cifar
for file in data_batch_{1,2,3,4,5}.bin test_batch.bin; do head -c 3073 /dev/zero >"cifar/$file"; done
expect_error 3 'data_batch_1.bin' train everything.yaml --set 'data={cifar10: {path: cifar}, scale: 1/255}'
finish
