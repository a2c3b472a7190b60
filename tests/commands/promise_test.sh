#!/usr/bin/env bash
# The number of ranks and threads, a kill and a resume change no bit.
. "$(dirname "$0")/lib.sh"
write_config

"$convoy" train everything.yaml -q --run-dir one --set distributed.threads_per_rank=1
expected=$(weights_of one)
[ ${#expected} -eq 64 ] || fail "no hash in one/metrics.jsonl"
evaluation=$("$convoy" evaluate one -q --json)

for case in "1 3" "2 1" "2 2" "3 1" "4 1" "5 1" "8 1"; do
  read -r count threads <<<"$case"
  ranks "$count" train everything.yaml -q --run-dir "run-$count-$threads" --set "distributed.threads_per_rank=$threads"
  expect_equal "weights of $count ranks, $threads threads" "$(weights_of "run-$count-$threads")" "$expected"
done
expect_equal "evaluation on 3 ranks" "$(ranks 3 evaluate one -q --json)" "$evaluation"

# Killed at some moment, then gone on with by another number of ranks.
for count in 1 3; do
  ranks 2 train everything.yaml -q --run-dir "$work/killed" --resume auto --set checkpoint.every_steps=2 &
  job=$!
  for _ in $(seq 200); do
    [ -d killed/checkpoints/step-4 ] && break
    sleep 0.02
  done
  pkill -KILL -f "run-dir $work/killed" || true
  wait "$job" && fail "the killed run ended by itself" || true
  ranks "$count" train everything.yaml -q --run-dir "$work/killed"
  expect_equal "weights after a kill, resumed on $count ranks" "$(weights_of killed)" "$expected"
  expect_equal "no step appears twice" "$(grep -c '"event":"step"' killed/metrics.jsonl)" 12
  rm -rf killed
done

# resolved.yaml gives the same bits.
"$convoy" train one/resolved.yaml -q --run-dir resolved
expect_equal "weights of resolved.yaml" "$(weights_of resolved)" "$expected"
finish
