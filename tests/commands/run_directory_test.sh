#!/usr/bin/env bash
# A run directory belongs to one config, is locked, and is never lost.
. "$(dirname "$0")/lib.sh"
write_config

"$convoy" train everything.yaml -q --run-dir run
hash=$(weights_of run)

# A finished run says so and stays as it is.
text=$("$convoy" train everything.yaml --run-dir run 2>&1) || fail "a finished run does not exit 0"
expect_match "a finished run" "$text" "finished"
expect_equal "weights of a finished run" "$(weights_of run)" "$hash"

# A key that decides bits is an error with its old and new values; keys of ranks, threads and logging may change.
code=0
text=$("$convoy" train everything.yaml --run-dir run --set optimizer.adamw.weight_decay=0.1 --set seed=8 2>&1) || code=$?
expect_equal "exit code for an edited config" "$code" 2
expect_match "an edited config" "$text" "weight_decay"
expect_match "an edited config" "$text" "seed"
expect_match "an edited config" "$text" "--run-dir"
expect_match "an edited config" "$text" "--resume never"
# What follows from an edit is not listed beside it.
code=0
"$convoy" train everything.yaml -q --run-dir held --set train.validation=0.2 --set train.epochs=1
text=$("$convoy" train everything.yaml --run-dir held --set train.validation=0.2 --set train.epochs=1 --set seed=8 2>&1) || code=$?
expect_equal "exit code for another seed" "$code" 2
expect_match "another seed" "$text" '^  seed: 7 -> 8$'
! grep -q 'data\.' <<<"$text" || fail "derived keys are listed: $text"
"$convoy" train everything.yaml -q --run-dir run --set distributed.threads_per_rank=2 --set train.log_every_steps=10 ||
  fail "changed threads are refused"

# More epochs extend the run, if no schedule follows from them.
sed 's/learning_rate: {cosine_decay: .*}}/learning_rate: 0.003/; s/warmup_steps: 3, //' everything.yaml >constant.yaml
"$convoy" train constant.yaml -q --run-dir longer
"$convoy" train constant.yaml -q --run-dir longer --set train.epochs=4
expect_equal "epochs of an extended run" "$(grep -c '"event":"epoch"' longer/metrics.jsonl)" 4
"$convoy" train constant.yaml -q --run-dir whole --set train.epochs=4
expect_equal "weights of an extended run" "$(weights_of longer)" "$(weights_of whole)"

# A command that trains nothing leaves the config of what was trained, and without that no run goes on.
resolved=$(sha256sum <longer/resolved.yaml)
"$convoy" train constant.yaml -q --run-dir longer --set train.epochs=4 --set train.log_every_steps=7
expect_equal "config of a finished run" "$(sha256sum <longer/resolved.yaml)" "$resolved"
rm longer/resolved.yaml
code=0
text=$("$convoy" train constant.yaml --run-dir longer --set train.epochs=4 --set seed=77 2>&1) || code=$?
expect_equal "exit code of a run without its config" "$code" 2
expect_match "a run without its config" "$text" "longer holds a run without its resolved.yaml.*--resume never"

# The kernels in use, of layers that are computed by several, too.
"$convoy" train everything.yaml -q --run-dir kernels --set train.max_steps=1 --set train.kernels='{conv2d_1: openblas, dense: reference}'
text=$(python3 - <<'PYTHON'
import json
kernels = json.loads(open("kernels/metrics.jsonl").readline())["kernels"]
for layer in ("conv2d_1", "dense", "batch_normalization"):
    print(layer, len(kernels[layer]), kernels[layer][0].split(":")[0])
PYTHON
)
expect_equal "kernels in use" "$text" "conv2d_1 2 openblas
dense 2 reference
batch_normalization 2 native"

# --resume never moves the old run aside.
"$convoy" train everything.yaml -q --run-dir run --resume never
expect_equal "weights of the run moved aside" "$(weights_of run.old-1)" "$hash"
expect_equal "weights of the run done again" "$(weights_of run)" "$hash"

# A second process on one directory is an error.
"$convoy" train everything.yaml -q --run-dir busy --set train.epochs=100000 &
job=$!
for _ in $(seq 200); do [ -s busy/metrics.jsonl ] && break; sleep 0.02; done
code=0
text=$("$convoy" train everything.yaml --run-dir busy 2>&1) || code=$?
expect_equal "exit code for a busy directory" "$code" 2
expect_match "a busy directory" "$text" "busy"

# SIGTERM stops after the step, saves, and exits 75.
kill -TERM "$job"
code=0
wait "$job" || code=$?
expect_equal "exit code after SIGTERM" "$code" 75
ls busy/checkpoints/step-* >/dev/null || fail "nothing was saved on SIGTERM"

# So do mpirun's ranks, which it gives a second; the same command goes on, on other ranks too, to the same bits.
sed 's/epochs: 3/epochs: 200/' everything.yaml >long.yaml
"$convoy" train long.yaml -q --run-dir straight
"$convoy" train long.yaml -q --run-dir stopped &
job=$!
for _ in $(seq 400); do [ -s stopped/metrics.jsonl ] && break; sleep 0.01; done
kill -INT "$job"
code=0
wait "$job" || code=$?
expect_equal "exit code after SIGINT" "$code" 75
restarts=0
for signal in TERM USR1; do
  restarts=$((restarts + 1))
  ranks 2 train long.yaml -q --run-dir stopped &
  job=$!  # a shell, which runs timeout, which runs mpirun
  for _ in $(seq 400); do [ "$(grep -c '"event":"restart"' stopped/metrics.jsonl)" -eq $restarts ] && break; sleep 0.01; done
  kill "-$signal" "$(pgrep --parent "$(pgrep --parent "$job")")"
  wait "$job" && fail "mpirun exits 0 after SIG$signal" || true
  expect_match "log after mpirun's SIG$signal" "$(tail -1 stopped/log.txt)" "stopped on request after step"
done
ranks 3 train long.yaml -q --run-dir stopped
expect_equal "weights after three stops" "$(weights_of stopped)" "$(weights_of straight)"
expect_equal "steps after three stops" "$(grep -c '"event":"step"' stopped/metrics.jsonl)" 800
finish
