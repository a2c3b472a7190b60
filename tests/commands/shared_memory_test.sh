#!/usr/bin/env bash
# Ranks of one host exchange through shared memory; without room for it by messages, after a warning, and to the same bits.
. "$(dirname "$0")/lib.sh"
example=("$source_dir/configs/cifar10-cnn.yaml" --set train.max_steps=4 --set checkpoint.every_epochs=none
  --set 'data={shapes: {train_samples: 100, test_samples: 40}, scale: 1/255}')

text=$(ranks 2 train "${example[@]}" --run-dir shared 2>&1)
! grep -q 'no shared memory' <<<"$text" || fail "a warning where there is room: $text"

cat >ranks.sh <<SCRIPT
trap '' XFSZ
exec "$convoy" "\$@"
SCRIPT
# expect_messages NAME PROGRAM...: mpirun, in the way that PROGRAM says, gives its ranks no room.
expect_messages() {
  local text name=$1
  shift
  # shellcheck disable=SC2046
  text=$(timeout 100 "$@" mpirun $(mpirun_options 2) --bind-to none --mca btl_vader_backing_directory "$work" \
    bash ranks.sh train "${example[@]}" --run-dir "$name" 2>&1) || fail "$name: $text"
  expect_match "$name" "$text" 'warning: rank [01]: no shared memory: .*/dev/shm.*by messages, which is slower'
  expect_equal "warnings of $name" "$(grep -c 'no shared memory' <<<"$text")" 1
  expect_equal "weights of $name" "$(weights_of "$name")" "$(weights_of shared)"
}

# Files may be larger than Open MPI's own 4 MiB and than those of the weights, but not as large as the segment.
expect_messages limited bash -c 'ulimit -f 8000; exec "$@"' limited

# A /dev/shm that fills up when the second rank takes its memory: it must not end the ranks when they touch it.
if unshare --mount mount -t tmpfs -o size=6m tmpfs /dev/shm 2>/dev/null; then
  expect_messages full unshare --mount bash -c 'mount -t tmpfs -o size=6m tmpfs /dev/shm; exec "$@"' full
else
  echo "skipped: this user can mount no file system of its own"
fi

# Killed ranks leave nothing there.
before=$(find /dev/shm -name 'convoy.*' 2>/dev/null | wc -l)
ranks 2 bench "$source_dir/configs/cifar10-cnn.yaml" --steps 1000000 --set 'data={shapes: {train_samples: 100}, scale: 1/255}' &
job=$!
sleep 3
kill -KILL "$(pgrep --parent "$(pgrep --parent "$(pgrep --parent "$job")")" | tail -1)"
wait "$job" && fail "the killed run ended by itself" || true
[ "$(find /dev/shm -name 'convoy.*' 2>/dev/null | wc -l)" -le "$before" ] || fail "killed ranks leave $(ls /dev/shm)"
finish
