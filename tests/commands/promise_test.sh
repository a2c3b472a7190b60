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
sed 's/epochs: 3/epochs: 60/' everything.yaml >long.yaml
"$convoy" train long.yaml -q --run-dir long
expect_match "the hash of a long run" "$(weights_of long)" '^[0-9a-f]{64}$'
for count in 1 3; do
  ranks 2 train long.yaml -q --run-dir "$work/killed" --resume auto --set checkpoint.every_steps=2 &
  job=$!  # a shell, which runs timeout, which runs mpirun, which runs the ranks
  for _ in $(seq 200); do
    compgen -G 'killed/checkpoints/step-*' >/dev/null && break  # not a certain one: old ones are removed
    sleep 0.02
  done
  kill -KILL "$(pgrep --parent "$(pgrep --parent "$(pgrep --parent "$job")")" | tail -1)" || true
  wait "$job" && fail "the killed run ended by itself" || true
  ranks "$count" train long.yaml -q --run-dir "$work/killed"
  expect_equal "weights after a kill, resumed on $count ranks" "$(weights_of killed)" "$(weights_of long)"
  expect_equal "no step appears twice" "$(grep -c '"event":"step"' killed/metrics.jsonl)" 240
  rm -rf killed
done

# Threads of libraries, which Convoy does without, change no bit either.
OMP_NUM_THREADS=7 OPENBLAS_NUM_THREADS=7 ranks 2 train everything.yaml -q --run-dir threads
expect_equal "weights with OMP_NUM_THREADS=7" "$(weights_of threads)" "$expected"

# The example, with as many slices as `auto` gives.
example() { # ranks, run directory, further arguments
  ranks "$1" train "$source_dir/configs/cifar10-cnn.yaml" -q --run-dir "$2" --set train.max_steps=4 \
    --set 'data={shapes: {train_samples: 100, test_samples: 40}, scale: 1/255}' "${@:3}"
}
example 1 example-1
expect_match "the hash of the example" "$(weights_of example-1)" '^[0-9a-f]{64}$'
for case in "2 1" "3 2" "4 1"; do
  read -r count threads <<<"$case"
  example "$count" "example-$count" --set "distributed.threads_per_rank=$threads"
  expect_equal "weights of the example on $count ranks" "$(weights_of "example-$count")" "$(weights_of example-1)"
done

# resolved.yaml gives the same bits.
"$convoy" train one/resolved.yaml -q --run-dir resolved
expect_equal "weights of resolved.yaml" "$(weights_of resolved)" "$expected"
finish
