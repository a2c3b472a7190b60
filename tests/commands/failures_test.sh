#!/usr/bin/env bash
# Failures under way: each ends with its exit code and its reason in failure.json, and loses no work.
. "$(dirname "$0")/lib.sh"
write_config

expect_failure() { # run directory, exit code, extended regular expression for the reason
  [ -f "$1/failure.json" ] || { fail "$1: no failure.json"; return; }
  expect_match "$1/failure.json" "$(cat "$1/failure.json")" "\"exit_code\": $2,"
  expect_match "$1/failure.json" "$(cat "$1/failure.json")" "$3"
  expect_match "$1/log.txt" "$(tail -1 "$1/log.txt")" "$3"
}

"$convoy" train everything.yaml -q --run-dir whole
hash=$(weights_of whole)

# A loss that is not finite: 6, with the step; skipped steps end too, where no step is taken any more.
code=0
ranks 2 train everything.yaml -q --run-dir nan --set 'optimizer={sgd: {learning_rate: 1e30}}' 2>nan.txt || code=$?
expect_equal "exit code of a loss that is not finite" "$code" 6
expect_failure nan 6 'step 2 .*learning rate'
expect_match "where a loss is not finite" "$(tr -d '\n' <nan/failure.json)" '"step": 2,.*"phase": "checking the step'
ruin=(--set train.on_nonfinite=skip --set 'optimizer={sgd: {learning_rate: 1e30}}' --set checkpoint.every_steps=1)
code=0
"$convoy" train everything.yaml -q --run-dir skip "${ruin[@]}" 2>skip.txt || code=$?
expect_equal "exit code of an epoch whose steps are all skipped" "$code" 6
expect_failure skip 6 'every step of epoch 2 was skipped.*learning rate'
expect_match "a validation loss that is not finite" "$(cat skip.txt)" 'after epoch 1 the weights give a loss of -?nan'
[ ! -e skip/final.safetensors ] && [ ! -e skip/best.safetensors ] || fail "weights that are beyond use are kept"
expect_equal "checkpoints of a run whose steps are skipped" "$(ls skip/checkpoints)" step-1
code=0
"$convoy" train everything.yaml -q --run-dir skip1 "${ruin[@]}" --set train.epochs=1 2>/dev/null || code=$?
expect_equal "exit code of a run that would end with weights beyond use" "$code" 6
expect_failure skip1 6 'after step 4 the weights give a loss of -?nan'
code=0
"$convoy" train everything.yaml -q --run-dir skip100 "${ruin[@]}" --set train.validation=none \
  --set data.shapes.train_samples=1000 --set train.global_batch_size=8 2>/dev/null || code=$?
expect_equal "exit code of steps that are all skipped" "$code" 6
expect_failure skip100 6 '100 steps in a row'

# The last step ruins the weights and no validation follows: at the end of an epoch of 4 steps, in its middle, and with
# other steps skipped.
expect_ruin() { # what, options...
  local what=$1 code=0
  shift
  ranks 2 train everything.yaml -q --run-dir late --resume never --set train.validation=none "$@" 2>late.txt || code=$?
  expect_equal "exit code of weights that are ruined by $what" "$code" 6
  expect_failure late 6 'outputs that are not finite.*learning rate'
  [ ! -e late/final.safetensors ] || fail "weights that are ruined by $what are kept"
  [ ! -e late/best.safetensors ] || [ "$what" = "an epoch's last step" ] || fail "weights that are ruined by $what are the best"
}
late() { echo "optimizer={sgd: {learning_rate: {piecewise_constant_decay: {boundaries: [$1], values: [0.01, 1e30]}}}}"; }
expect_ruin "an epoch's last step" --set train.epochs=2 --set "$(late 6)"
expect_ruin "a step in an epoch's middle" --set train.max_steps=3 --set "$(late 1)"
expect_ruin "a step that others are skipped behind" --set train.max_steps=3 --set train.on_nonfinite=skip --set "$(late 0)"
# Early stopping ends a run with such weights, unless it gives those of the best epoch back.
stopped=(--set train.on_nonfinite=skip --set train.epochs=9 --set "$(late 6)")
stopping() { echo "train.early_stopping={monitor: val_loss, patience: 1, restore_best_weights: $1}"; }
expect_ruin_stopped() { # run directory, whether to restore, exit code
  local code=0
  ranks 2 train everything.yaml --run-dir "$1" "${stopped[@]}" --set "$(stopping "$2")" >"$1.txt" 2>&1 || code=$?
  expect_equal "exit code of an early stop with ruined weights, best ones restored: $2" "$code" "$3"
  expect_match "an early stop with ruined weights" "$(cat "$1.txt")" 'stopped early: no better val_loss since epoch 1'
}
expect_ruin_stopped ruined false 6
expect_failure ruined 6 'after step 8 the weights give a loss of -?nan'
[ ! -e ruined/final.safetensors ] || fail "weights that are ruined when training stops early are kept"
expect_ruin_stopped restored true 0
expect_equal "checkpoints of ruined weights" "$(ls restored/checkpoints)" step-4
"$convoy" evaluate restored -q --final >/dev/null || fail "the weights that early stopping gave back: exit code $?"
cmp restored/final.safetensors restored/best.safetensors || fail "the best weights differ from those given back"

cp whole/final.safetensors ruined.safetensors
printf '\0\0\300\177' | dd of=ruined.safetensors bs=1 conv=notrunc status=none \
  seek=$(($(stat -c %s ruined.safetensors) - 4))
for command in "evaluate everything.yaml --json" "predict everything.yaml --output ruined.npy"; do
  code=0
  # shellcheck disable=SC2086
  ranks 2 $command --weights ruined.safetensors >ruined.txt 2>&1 || code=$?
  expect_equal "exit code of ruined weights: $command" "$code" 6
  expect_match "ruined weights: $command" "$(cat ruined.txt)" 'not finite|a loss of -?nan'
done

# A rate that grows beyond use: the error names the checkpoint to go on from, and that one is never removed.
growing='optimizer={sgd: {learning_rate: {piecewise_constant_decay: {boundaries: [6], values: [0.01, 1e30]}}}}'
code=0
"$convoy" train everything.yaml -q --run-dir grows --set "$growing" --set checkpoint.every_steps=1 \
  --set checkpoint.keep=1 2>grows.txt || code=$?
expect_equal "exit code of a rate beyond use" "$code" 6
going=$(sed -nE 's/.*--resume ([^ ,]+).*/\1/p' grows.txt | head -1)
[ -d "$going" ] || fail "the checkpoint that the error names ($going) is not there: $(ls grows/checkpoints), $(cat grows.txt)"
"$convoy" train everything.yaml -q --run-dir recovered --resume "$going" --set 'optimizer={sgd: {learning_rate: 0.01}}' 2>recovered.txt || fail "the checkpoint that the error names is of no use: $(cat grows.txt recovered.txt)"

# A full disk: training goes on and warns, and ends with 7; with room again, the same command finishes with the same bits.
code=0
(trap '' XFSZ; ulimit -f 6; "$convoy" train everything.yaml --run-dir full 2>full.txt) || code=$?
expect_equal "exit code of a full disk" "$code" 7
expect_match "a full disk" "$(cat full.txt)" 'no checkpoint could be written: .*File too large.*training goes on'
expect_failure full 7 'final.safetensors.*File too large'
for left in full/*.safetensors full/checkpoints/*; do
  [ ! -e "$left" ] || fail "a full disk leaves $left"
done
"$convoy" train everything.yaml -q --run-dir full || fail "a run does not go on after its disk was full"
expect_equal "weights after a full disk" "$(weights_of full)" "$hash"
[ ! -e full/failure.json ] || fail "failure.json outlives the failure"

# Every rank needs the same config, data and weights, in every command.
sed 's/0.003/0.03/' everything.yaml >other.yaml
# shellcheck disable=SC2046
run_two() { # command and arguments of rank 0, of rank 1
  local options
  mapfile -t options < <(mpirun_options 1)
  # shellcheck disable=SC2086
  timeout 60 mpirun "${options[@]}" "$convoy" $1 -q : -np 1 "$convoy" $2 -q 2>&1
}
for command in "train --run-dir two" check bench "evaluate --weights whole/final.safetensors" \
  "predict --weights whole/final.safetensors --output two.npy"; do
  code=0
  text=$(run_two "$command everything.yaml" "$command other.yaml") || code=$?
  expect_equal "exit code of $command with two configs" "$code" 2
  expect_match "$command with two configs" "$text" "rank 1: another config than rank 0's"
  expect_match "$command with two configs" "$text" 'initial_learning_rate: 0.003 -> 0.03'
done
for command in evaluate "predict --output two.npy"; do
  code=0
  text=$(run_two "$command whole" "$command whole --weights whole/checkpoints/$(ls whole/checkpoints | head -1)/weights.safetensors") || code=$?
  expect_equal "exit code of $command with two weights" "$code" 7
  expect_match "$command with two weights" "$text" 'rank 1: .*weights.safetensors holds other weights on .* than on rank 0'
done
code=0
text=$(run_two "evaluate whole" "evaluate whole --split train") || code=$?
expect_equal "exit code of evaluate with two splits" "$code" 3
code=0
text=$(run_two "bench everything.yaml --steps 4" "bench everything.yaml --steps 5") || code=$?
expect_equal "exit code of bench with two numbers of steps" "$code" 2
expect_match "bench with two numbers of steps" "$text" 'rank 1: started with other options than rank 0: --steps 5; '
[ ! -e two.npy ] || fail "a prediction of two ranks that differ is kept"
make_idx() { # directory, byte of every picture
  mkdir -p "$1"
  python3 - "$1" "$2" <<'PYTHON'
import struct, sys
directory, value = sys.argv[1], int(sys.argv[2])
for split, count in (("train", 120), ("t10k", 40)):
    with open(f"{directory}/{split}-images-idx3-ubyte", "wb") as file:
        file.write(struct.pack(">IIII", 0x803, count, 28, 28))
        file.write(bytes((value + i * j) % 256 for i in range(count) for j in range(784)))
    with open(f"{directory}/{split}-labels-idx1-ubyte", "wb") as file:
        file.write(struct.pack(">II", 0x801, count) + bytes(i % 10 for i in range(count)))
PYTHON
}
make_idx one 3
make_idx another 4
cat >idx.yaml <<'YAML'
data: {mnist: {path: one}, scale: 1/255}
model: {input_shape: [28, 28, 1], layers: [flatten, dense: {units: 10}]}
loss: {sparse_categorical_crossentropy: {from_logits: true}}
train: {epochs: 2, global_batch_size: 40, slices: 4}
checkpoint: {every_steps: 2, keep: 2}
YAML
code=0
text=$(run_two 'train idx.yaml --run-dir two' 'train idx.yaml --run-dir two --set data.mnist.path=another') || code=$?
expect_equal "exit code of two data sets" "$code" 3
expect_match "two data sets" "$text" 'rank 1: .*other samples on .* than on rank 0'
"$convoy" train idx.yaml -q --run-dir idx
code=0
text=$(run_two 'evaluate idx' 'evaluate idx --set data.mnist.path=another') || code=$?
expect_equal "exit code of an evaluation of two data sets" "$code" 3

# Data that changed between a stop and a resume; data that only moved.
"$convoy" train idx.yaml -q --run-dir moved --set train.epochs=1
cp -r one elsewhere
"$convoy" train idx.yaml -q --run-dir moved --set data.mnist.path=elsewhere || fail "data that moved is refused"
code=0
text=$("$convoy" train idx.yaml -q --run-dir moved --set data.mnist.path=another --set train.epochs=3 2>&1) || code=$?
expect_equal "exit code of changed data" "$code" 3
expect_match "changed data" "$text" 'has changed since the checkpoint'
expect_equal "epochs with changed data" "$(grep -c '"event":"epoch"' moved/metrics.jsonl)" 2
! grep '"event":"restart"' moved/metrics.jsonl | grep -q '"step":6' || fail "changed data is trained on before it is noticed"

# A damaged checkpoint is passed over for the one before; the new ones replace it; with none left whole, nothing is touched.
"$convoy" train idx.yaml -q --run-dir damaged --set train.max_steps=5
newest=$(ls -d damaged/checkpoints/step-* | sort -V | tail -1)
printf x | dd of="$newest/weights.safetensors" bs=1 seek=200 conv=notrunc status=none
rm damaged/final.safetensors
text=$("$convoy" train idx.yaml --run-dir damaged --set train.max_steps=6 2>&1) || fail "a damaged checkpoint ends the run"
expect_match "a damaged checkpoint" "$text" "skipping the damaged checkpoint of step 5"
"$convoy" train idx.yaml -q --run-dir undamaged --set train.max_steps=6
expect_equal "weights after a damaged checkpoint" "$(weights_of damaged)" "$(weights_of undamaged)"
for checkpoint in damaged/checkpoints/step-*; do
  printf x | dd of="$checkpoint/weights.safetensors" bs=1 seek=200 conv=notrunc status=none
done
code=0
text=$("$convoy" train idx.yaml --run-dir damaged --set train.epochs=3 2>&1) || code=$?
expect_equal "exit code where no checkpoint is whole" "$code" 7
expect_match "no whole checkpoint" "$text" 'no checkpoint in .* is whole.*--resume never'

# Without any, the run starts again, and says so.
rm -r undamaged/checkpoints
sed -i '/"event":"end"/d' undamaged/metrics.jsonl
text=$("$convoy" train idx.yaml --run-dir undamaged --set train.max_steps=6 2>&1) || fail "a run without checkpoints ends"
expect_match "a run without checkpoints" "$text" 'a run has begun in undamaged, but .*checkpoints holds no checkpoint'

# A checkpoint that is none.
code=0
text=$("$convoy" train idx.yaml --run-dir fresh --resume alwyas 2>&1) || code=$?
expect_equal "exit code of --resume alwyas" "$code" 2
expect_match "--resume alwyas" "$text" 'auto, never, or a checkpoint'
[ ! -e fresh ] || fail "a mistyped --resume leaves a run directory"

# A rank that stands still: 4, with step and phase, within the time-out.
mapfile -t options < <(mpirun_options 2)
cat >noted.sh <<SCRIPT
echo \$\$ >pid-\$OMPI_COMM_WORLD_RANK
exec "$convoy" "\$@"
SCRIPT
mpirun "${options[@]}" --bind-to none bash noted.sh train everything.yaml -q --run-dir stalled --set train.epochs=100000 \
  --set data.shapes.train_samples=40000 --set distributed.stall_timeout_s=4 2>stalled.txt &
job=$!
for _ in $(seq 2000); do [ -s stalled/metrics.jsonl ] && break; sleep 0.02; done
sleep 0.3
kill -STOP "$(cat pid-1)"
began=$SECONDS
code=0
wait "$job" || code=$?
kill -KILL "$(cat pid-1)" 2>/dev/null || true
expect_equal "exit code of a rank that stands still" "$code" 4
[ $((SECONDS - began)) -le 20 ] || fail "a rank that stands still is noticed after $((SECONDS - began)) s"
expect_match "a rank that stands still" "$(cat stalled.txt)" 'no progress for 4 s after step [0-9]+, [a-z]+'
expect_match stalled/failure.json "$(cat stalled/failure.json)" 'no progress for 4 s after step [0-9]+'
# What cannot be read when a new run begins leaves no run directory; the corrected command needs no other one.
cp -r "$(ls -d whole/checkpoints/step-* | head -1)" broken
truncate -s -1 broken/weights.safetensors
for bad in "--resume broken" "--set model.weights=nosuch.safetensors"; do
  code=0
  # shellcheck disable=SC2086
  ranks 2 train everything.yaml -q --run-dir begun $bad 2>/dev/null || code=$?
  expect_equal "exit code of $bad" "$code" 7
  [ ! -e begun ] || fail "$bad leaves $(ls begun)"
done

finish
