#!/usr/bin/env bash
# Data that shrinks under a run ends it with one line that names the file, on every rank, and in the run directory.
. "$(dirname "$0")/lib.sh"

cat >cifar.yaml <<'YAML'
name: cifar
data: {cifar10: {path: cifar}, scale: 1/255}
model:
  input_shape: [32, 32, 3]
  layers:
    - global_average_pooling2d
    - dense: {units: 10}
train: {epochs: 1000, global_batch_size: 8, slices: 2, validation: none, log_every_steps: 1}
YAML

for count in 1 2; do
  mkdir -p cifar
  # Sparse: ten thousand black pictures of class 0 in each.
  for file in data_batch_{1,2,3,4,5}.bin test_batch.bin; do truncate -s 30730000 "cifar/$file"; done
  ranks "$count" train cifar.yaml -q --run-dir "run-$count" 2>error.txt &
  job=$!
  for _ in $(seq 500); do
    grep -q '"event":"step"' "run-$count/metrics.jsonl" 2>/dev/null && break
    sleep 0.02
  done
  truncate -s 100 cifar/data_batch_{1,2,3,4,5}.bin
  code=0
  wait "$job" || code=$?
  expect_equal "exit code of $count ranks whose data was truncated" "$code" 3
  expect_match "$count ranks whose data was truncated" "$(cat error.txt)" \
    '^convoy: .*/cifar/data_batch_[1-5].bin: .*truncated while in use.*restore the file and resume$'
  python3 - "run-$count" <<'PYTHON' || fail "the record of $count ranks whose data was truncated: $(ls -a "run-$count")"
import json, re, sys
run = sys.argv[1]
record = json.load(open(f"{run}/failure.json"))
assert list(record) == ["exit_code", "kind", "message", "rank", "host", "step", "phase"], record
assert (record["exit_code"], record["kind"]) == (3, "data"), record
assert re.fullmatch(r"/.*/cifar/data_batch_[1-5].bin: .*truncated while in use.*restore the file and resume", record["message"])
assert record["step"] > 0 and record["phase"], record
lines = open(f"{run}/log.txt").read().splitlines()
line = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} error rank \d failed after step \d+, [a-z].*: /.*truncated while in use.*"
assert any(re.fullmatch(line, text) for text in lines), lines[-1]
PYTHON
done
finish
