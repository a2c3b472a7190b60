#!/usr/bin/env bash
# check and bench say what a training would do, refuse what cannot go well, and leave nothing behind.
. "$(dirname "$0")/lib.sh"
write_config

for count in 1 2; do
  text=$(ranks "$count" check everything.yaml 2>&1) || fail "check on $count ranks: exit code $?"
  for topic in config model data kernels libraries ranks memory speed; do
    expect_match "check on $count ranks" "$text" "^$topic "
  done
  expect_match "cores" "$text" "$count on .*, with [0-9]+ threads? on [0-9.]+ cores?"
  expect_match "memory" "$text" '[0-9]+ MiB of [0-9]+ MiB that are free on '
  expect_match "libraries" "$text" '(^| )convoy uses '
  expect_match "speed" "$text" 'images/s: an epoch takes'
done
expect_match "all-reduce" "$text" '^all-reduce +[0-9.]+ ms a step, alone: each rank sends 0\.[0-9]+ MB at [0-9.]+ GB/s'
json=$(ranks 2 check everything.yaml --set 'train.kernels={conv2d_1: openblas}' --json)
python3 -c '
import json, sys
report = json.loads(sys.argv[1])
assert report["all_reduce"]["seconds"] > 0, report
assert sum(host["ranks"] for host in report["hosts"]) == 2, report
assert all(host["needed_bytes"] < host["free_bytes"] for host in report["memory"]), report
assert [kernel.split(":")[0] for kernel in report["kernels"]["conv2d_1"]] == ["openblas", "native"], report["kernels"]
assert "error" not in report' "$json" || fail "check --json: $json"

# bench says where the time goes, with and without training.
for option in "" --evaluate; do
  for count in 1 2; do
    # shellcheck disable=SC2086
    python3 -c '
import json, sys
result = json.loads(sys.argv[1])
assert 0 < result["images_per_second"]["min"] <= result["images_per_second"]["median"], result
assert abs(sum(result["share_of_time"].values()) - 1) < 1e-6, result["share_of_time"]
assert result["peak_per_worker"]["flops_per_second"] > 1e8 < result["peak_per_worker"]["bytes_per_second"], result
for layer in result["layers"]:
    assert ("backward" in layer["pieces"]) == (result["measured"] == "training"), layer
    assert "normalization" in layer["layer"] or layer["pieces"]["forward"]["percent_of_peak_bytes"] > 0, layer' \
      "$(ranks "$count" bench everything.yaml --steps 4 --json $option)" || fail "bench --json $option on $count ranks"
  done
done
expect_match "bench --evaluate" "$("$convoy" bench everything.yaml --steps 1 --evaluate)" 'images/s evaluated '

# What summary expects of the memory is what bench then finds, within a quarter: where activations take most of it, and
# where weights do.
sed 's/global_batch_size: 40/global_batch_size: 1600/; s/train_samples: 150/train_samples: 1600/' everything.yaml >wide.yaml
sed 's/units: 16,/units: 4096,/' everything.yaml >heavy.yaml
for config in wide heavy; do
  python3 -c '
import json, sys
expected = json.loads(sys.argv[1])["memory_per_rank"]
found = json.loads(sys.argv[2])["memory_per_rank"]
assert expected == {key: found[key] for key in expected}, (expected, found)
taken = found["peak_resident_bytes"] - found["resident_bytes_before"]
assert expected["arena_bytes"] > 50e6, expected
assert 0.8 < taken / expected["arena_bytes"] < 1.25, (expected, found)' \
    "$("$convoy" summary $config.yaml --json)" "$("$convoy" bench $config.yaml --steps 3 --json)" ||
    fail "the memory of $config.yaml"
done

# A trace has all ranks and workers, each doing one thing at a time.
ranks 2 bench everything.yaml --steps 3 --set distributed.threads_per_rank=2 --trace trace.json >/dev/null ||
  fail "bench --trace: exit code $?"
python3 -c '
import collections, json
pieces, workers = set(), collections.defaultdict(list)
for event in json.load(open("trace.json"))["traceEvents"]:
    if event["ph"] == "X":
        pieces.add(event["cat"])
        workers[event["pid"], event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
assert {worker[0] for worker in workers} == {0, 1}, workers.keys()
for piece in "forward", "backward", "loss", "input", "prepare", "sum", "reduce", "update", "gather":
    assert piece in pieces, pieces
for spans in workers.values():
    spans.sort()
    assert spans[0][0] >= 0 and all(a[1] <= b[0] + 0.01 for a, b in zip(spans, spans[1:]))
' || fail "bench --trace: the trace"
code=0
text=$(ranks 2 bench everything.yaml --steps 1e9 --trace nowhere/trace.json 2>&1) || code=$?
expect_equal "exit code of a trace that cannot be written" "$code" 2
expect_match "a trace that cannot be written" "$text" 'nowhere'

# One of anything is written so, and a run is benched and summed up like its config.
one=(--set distributed.threads_per_rank=1 --set train.slices=1 --set train.epochs=1)
text=$("$convoy" check everything.yaml "${one[@]}" 2>&1)
expect_match "one thread" "$text" '1 on .*, with 1 thread on '
expect_match "one slice" "$text" '1 rank of 1 thread takes 1 slice a step'
"$convoy" train everything.yaml -q "${one[@]}" --run-dir one
expect_match "bench of a run" "$("$convoy" bench one --steps 2)" 'images/s .*, 1 rank of 1 thread$'
expect_equal "summary of a run" "$("$convoy" summary one)" "$("$convoy" summary everything.yaml "${one[@]}")"

# Steps that are refused: 6 with the step, on all ranks, and no rate.
for command in check "bench --steps 4"; do
  for count in 1 2; do
    code=0
    # shellcheck disable=SC2086
    text=$(ranks "$count" $command everything.yaml --set 'optimizer={sgd: {learning_rate: 1e30}}' 2>&1) || code=$?
    expect_equal "exit code of $command with refused steps on $count ranks" "$code" 6
    expect_match "$command with refused steps" "$text" 'step 2: the loss is nan'
    [[ $text != *images/s* ]] || fail "$command gives a rate of refused steps: $text"
  done
done

# A model that cannot fit is told before its memory is touched.
sed 's/\( *- dense: {units: \)16, .*/\116000000}\n\130000}/' everything.yaml >immense.yaml
code=0
text=$(ranks 2 check immense.yaml 2>&1) || code=$?
expect_equal "exit code of a model that cannot fit" "$code" 5
expect_match "a model that cannot fit" "$text" 'memory: 2 ranks on .* need [0-9]+ MiB, where [0-9]+ MiB are free'

[ "$(find . -name runs | wc -l)" -eq 0 ] || fail "check or bench left a run directory"
finish
