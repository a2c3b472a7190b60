#!/usr/bin/env bash
# Measures Convoy beside PyTorch and Keras on this machine: the example's network, random or generated pictures, the same
# batch and number of threads, in turn for several rounds, so that a noisy neighbour hits all alike.
#
# usage: scripts/bench_peers.sh [--rounds N] [--venv DIR]
#
#   --rounds N   rounds of everything in turn (5)
#   --venv DIR   where PyTorch and tensorflow-cpu are, or will be, installed from PyPI (.venv/peers)
#
# Prints the median of the rounds for each, and Convoy's ratio to it.
. "$(dirname "$0")/lib.sh"

rounds=5
venv=.venv/peers
while [ $# -gt 0 ]; do
  case $1 in
    --rounds) rounds=$2; shift 2 ;;
    --venv) venv=$2; shift 2 ;;
    -h | --help) print_help; exit 0 ;;
    *) die $kUsage "unknown option '$1'; see --help" ;;
  esac
done

build_preset release convoy
if [ ! -x "$venv/bin/python" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet torch tensorflow-cpu
fi

convoy=build/release/bin/convoy
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

# rates NAME COMMAND...: appends the images a second of each measurement that the command prints.
rates() {
  local name=$1
  shift
  "$@" 2>/dev/null | sed -nE 's/.*"images_per_second":\s*(\{"median":)?([0-9.]+).*/\2/p' >>"$results/$name"
}
convoy_bench() { # ranks, batch
  # shellcheck disable=SC2046
  mpirun $(mpirun_options "$1") --bind-to none "$convoy" bench configs/cifar10-cnn.yaml --json --steps 300 \
    --set 'data={shapes: {train_samples: 8192}, scale: 1/255}' --set "train.global_batch_size=$2" \
    --set distributed.threads_per_rank=1
}
python() { "$venv/bin/python" "scripts/peers/$1" "${@:2}"; }

cores=$(usable_cores)
for round in $(seq "$rounds"); do
  say "round $round of $rounds"
  rates 1-core-batch-32.convoy convoy_bench 1 32
  rates 1-core-batch-32.pytorch python train_pytorch.py --batch 32 --threads 1
  rates 1-core-batch-32.keras python train_keras.py --batch 32 --threads 1
  if [ "$cores" -ge 2 ]; then
    for batch in 32 128; do
      rates "2-cores-batch-$batch.convoy" convoy_bench 2 "$batch"
      rates "2-cores-batch-$batch.pytorch-ddp" python train_pytorch.py --batch "$batch" --ranks 2 --threads 1
      rates "2-cores-batch-$batch.pytorch" python train_pytorch.py --batch "$batch" --threads 2
      rates "2-cores-batch-$batch.keras" python train_keras.py --batch "$batch" --threads 2
    done
  fi
done

median() { sort -n "$1" | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
printf '\n%-24s %-12s %10s %8s\n' case program images/s ratio
for file in "$results"/*.convoy; do
  case=$(basename "$file" .convoy)
  own=$(median "$file")
  printf '%-24s %-12s %10.0f\n' "$case" convoy "$own"
  for peer in "$results/$case".*; do
    name=${peer##*.}
    [ "$name" != convoy ] || continue
    awk -v case="$case" -v name="$name" -v own="$own" -v peer="$(median "$peer")" \
      'BEGIN { printf "%-24s %-12s %10.0f %8.2f\n", case, name, peer, own / peer }'
  done
done
