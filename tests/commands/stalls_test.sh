#!/usr/bin/env bash
# A rank that stands still ends all ranks with 4 and a line that says where, whatever the command.
. "$(dirname "$0")/lib.sh"
write_config
"$convoy" train everything.yaml -q --run-dir run --set train.epochs=1
mkfifo unanswered.yaml # to open it waits for a writer, as a file of a disk that does not answer does

# expect_stall WORDS COMMAND ARGUMENTS...: rank 1 reads a config that never comes.
expect_stall() {
  local words=$1 command=$2 options code=0 text
  shift 2
  mapfile -t options < <(mpirun_options 1)
  text=$(timeout 40 mpirun "${options[@]}" "$convoy" "$command" everything.yaml "$@" \
    --set distributed.stall_timeout_s=1 : -np 1 "$convoy" "$command" unanswered.yaml "$@" 2>&1) || code=$?
  expect_equal "exit code of $command with a rank that stands still" "$code" 4
  expect_match "$command with a rank that stands still" "$text" "rank 0 .*: no progress for 1 s while $words"
}
opening='opening the files, or waiting for other ranks'
expect_stall "$opening" train -q --run-dir stalled
expect_stall "$opening" evaluate -q --weights run/final.safetensors
expect_stall "$opening" predict -q --weights run/final.safetensors --output logits.npy
expect_stall "$opening" bench
expect_stall "$opening" check
[ ! -e stalled/failure.json ] || fail "a run that never began has written a failure"

# A rank that is stopped while it computes.
cat >noted.sh <<SCRIPT
echo \$\$ >pid-\$OMPI_COMM_WORLD_RANK
exec "$convoy" "\$@"
SCRIPT
# shellcheck disable=SC2046
timeout 60 mpirun $(mpirun_options 2) --bind-to none bash noted.sh bench everything.yaml --steps 1000000 \
  --set distributed.stall_timeout_s=2 2>stopped.txt &
job=$!
sleep 4
kill -STOP "$(cat pid-1)"
code=0
wait "$job" || code=$?
expect_equal "exit code of bench with a stopped rank" "$code" 4
expect_match "bench with a stopped rank" "$(cat stopped.txt)" \
  'no progress for 2 s after step [0-9]+, (waiting|computing).*; rank 0 noticed, but any rank may be the one that stands still'

# A file that does not answer gets ten times as long, and the line says how long that was.
cp -r run hung
rm hung/final.safetensors hung/metrics.jsonl
mkfifo hung/metrics.jsonl
code=0
SECONDS=0
ranks 2 train everything.yaml -q --run-dir hung --set train.epochs=1 --set distributed.stall_timeout_s=0.4 2>hung.txt || code=$?
expect_equal "exit code of a file that does not answer" "$code" 4
expect_match "a file that does not answer" "$(cat hung.txt)" \
  'no progress for 4 s after step 4, opening metrics.jsonl, or waiting .*stall_timeout_s: 0.4\)'
[ $SECONDS -ge 4 ] || fail "a file had only $SECONDS s to answer"
expect_match "hung/failure.json" "$(cat hung/failure.json)" '"message": "no progress for 4 s'
finish
