#!/usr/bin/env bash
# Measures Convoy beside PyTorch and Keras on this machine: the same network on random or generated pictures, the same
# batch, ranks and threads, in turn for several rounds, so that a noisy neighbour hits all alike. Writes docs/benchmarks.md.
#
# usage: scripts/bench_peers.sh [--rounds N] [--only CASE[,CASE...]] [--seconds S] [--venv DIR] [--pytorch-venv DIR]
#                               [--keras-venv DIR] [--record DIR] [--report DIR] [--output FILE] [--list]
#
#   --rounds N          rounds of everything in turn (5)
#   --only CASE         some cases alone; --list names them
#   --seconds S         of each of the five measurements that a program takes in a round, about (2)
#   --venv DIR          where PyTorch and tensorflow-cpu are, or will be, installed from PyPI (.venv/peers)
#   --pytorch-venv DIR  another place for PyTorch (that of --venv)
#   --keras-venv DIR    another place for tensorflow-cpu (that of --venv)
#   --record DIR        keep the numbers there; those that are there already count too (forgotten at the end)
#   --report DIR        write the page from numbers kept there, and measure nothing
#   --output FILE       the page (docs/benchmarks.md)
#   --list              the cases
#
# A case needs as many cores as its ranks and threads: those that this machine has too few for are left out.
. "$(dirname "$0")/lib.sh"

# What is measured. Each case has a function of its name below, which takes one round of it.
cases=(batch-128 batch-32 one-core bfloat16 bfloat16-512 evaluate vgg11 avx2 exact-native slices two-ranks)
declare -A titles=(
  [batch-128]="training, float32, batch 128"
  [batch-32]="training, float32, batch 32"
  [one-core]="training, float32, batch 32, one core"
  [bfloat16]="training, bfloat16, batch 128"
  [bfloat16-512]="training, bfloat16, batch 512"
  [evaluate]="evaluation, float32"
  [vgg11]="training of VGG-11 with batch normalisation, float32, batch 128"
  [avx2]="training with AVX2 alone, float32, batch 128"
  [exact-native]="\`reduce: exact\` against \`native\`, batch 128"
  [slices]="\`slices: auto\` against as many slices as workers, batch 128"
  [two-ranks]="two ranks (64 samples each) against two independent runs at once (64 each)"
)
declare -A programs=(
  [convoy]="Convoy"
  [pytorch-ddp]="PyTorch DDP (gloo), 2 ranks"
  [pytorch-1]="PyTorch, 1 thread"
  [pytorch-2]="PyTorch, 2 threads"
  [pytorch-2-batch-64]="PyTorch, 2 threads, batch 64"
  [pytorch-2-batch-256]="PyTorch, 2 threads, batch 256"
  [pytorch-2-batch-1024]="PyTorch, 2 threads, batch 1024"
  [keras-1]="Keras, 1 thread"
  [keras-2]="Keras, 2 threads"
  [convoy-native]="Convoy, \`native\`"
  [convoy-slices-2]="Convoy, 2 slices"
  [convoy-two-alone]="Convoy, two runs of 1 rank, added up"
)
readonly kExample=configs/cifar10-cnn.yaml kVgg=configs/cifar10-vgg11-bn.yaml
readonly kPictures='data={shapes: {train_samples: 8192, test_samples: 10000}, scale: 1/255}'
readonly kAvx2=(env DNNL_MAX_CPU_ISA=AVX2 ONEDNN_MAX_CPU_ISA=AVX2 OPENBLAS_CORETYPE=Haswell ATEN_CPU_CAPABILITY=avx2)

# steps N: Convoy's steps for two seconds, scaled to --seconds.
steps() { awk -v n="$1" -v seconds="$seconds" 'BEGIN { n *= seconds / 2; print n < 1 ? 1 : int(n) }'; }

# convoy RANKS CONFIG STEPS [OPTION...]: words of a command, into the array `command`.
convoy() {
  local config=$2 steps start
  steps=$(steps "$3")
  mapfile -t start < <(mpirun_options "$1")
  shift 3
  command=(mpirun "${start[@]}" --bind-to none build/release/bin/convoy bench "$config" --json
    --steps "$steps" --set "$kPictures" --set distributed.threads_per_rank=1 "$@")
}
pytorch() { command=("$pytorch_venv/bin/python" scripts/peers/train_pytorch.py --seconds "$seconds" "$@"); }
keras() { command=("$keras_venv/bin/python" scripts/peers/train_keras.py --seconds "$seconds" "$@"); }

batch-128() {
  convoy 2 $kExample 500 --set train.global_batch_size=128; measure convoy
  pytorch --batch 128 --ranks 2 --threads 1; measure pytorch-ddp
  keras --batch 128 --threads 2; measure keras-2
}
batch-32() {
  convoy 2 $kExample 2000 --set train.global_batch_size=32; measure convoy
  pytorch --batch 32 --threads 2; measure pytorch-2
  keras --batch 32 --threads 2; measure keras-2
}
one-core() {
  convoy 1 $kExample 1000 --set train.global_batch_size=32; measure convoy
  pytorch --batch 32 --threads 1; measure pytorch-1
  keras --batch 32 --threads 1; measure keras-1
}
bfloat16() {
  convoy 2 $kExample 500 --set train.global_batch_size=128 --set train.precision=bfloat16; measure convoy
  pytorch --batch 128 --threads 2 --dtype bfloat16; measure pytorch-2
}
bfloat16-512() {
  convoy 2 $kExample 125 --set train.global_batch_size=512 --set train.precision=bfloat16; measure convoy
  keras --batch 512 --threads 2 --dtype mixed_bfloat16; measure keras-2
}
evaluate() {
  local batch
  convoy 2 $kExample 20 --evaluate; measure convoy
  for batch in 64 256 1024; do
    pytorch --inference --batch "$batch" --threads 2; measure "pytorch-2-batch-$batch"
  done
}
vgg11() {
  convoy 2 $kVgg 30 --set train.global_batch_size=128; measure convoy
  pytorch --network cifar10-vgg11-bn --batch 128 --ranks 2 --threads 1; measure pytorch-ddp
}
avx2() {
  convoy 2 $kExample 300 --set train.global_batch_size=128 --set distributed.cpu_isa=avx2
  command=("${kAvx2[@]}" "${command[@]}"); measure convoy
  pytorch --batch 128 --ranks 2 --threads 1
  command=("${kAvx2[@]}" "${command[@]}"); measure pytorch-ddp
}
exact-native() {
  convoy 2 $kExample 500 --set train.global_batch_size=128; measure convoy
  convoy 2 $kExample 500 --set train.global_batch_size=128 --set distributed.reduce=native; measure convoy-native
}
slices() {
  convoy 2 $kExample 500 --set train.global_batch_size=128; measure convoy
  convoy 2 $kExample 500 --set train.global_batch_size=128 --set train.slices=2; measure convoy-slices-2
}
# The rate is so small that no weight moves: kernels skip what ReLU has made zero, and the runs, of different batches, would
# soon differ in how much that is.
two-ranks() {
  local still=(--set optimizer.adam.learning_rate=1e-30)
  convoy 2 $kExample 500 --set train.global_batch_size=128 "${still[@]}"; measure convoy
  convoy 1 $kExample 500 --set train.global_batch_size=64 "${still[@]}"; measure convoy-two-alone twice
}
cores_of() { if [ "$1" = one-core ]; then echo 1; else echo 2; fi; }

median() { sort -n | awk '{ v[NR] = $1 } END { if (NR) print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

# rates_in FILE: the images a second of each measurement that a program has printed.
rates_in() { sed -nE 's/.*"images_per_second": *(\{"median": *)?([0-9.e+]+).*/\2/p' "$1"; }

# measure PROGRAM [twice]: runs `command`, or two of it at once, and notes the median of what it measures, or their sum.
measure() {
  local program=$1 times=1 i rate
  [ "${2:-}" != twice ] || times=2
  for i in $(seq "$times"); do "${command[@]}" >"$temporary/output$i" 2>"$temporary/errors$i" & done
  wait
  rate=$(for i in $(seq "$times"); do rates_in "$temporary/output$i" | median; done |
    awk '{ sum += $1 } END { if (NR) print sum }')
  if [ "$(grep -l images_per_second "$temporary"/output[1-"$times"] | wc -l)" -lt "$times" ]; then
    warn "$case, ${programs[$program]}: no result: $(tail -n 1 "$temporary/errors1")"
    return
  fi
  printf '%s\t%s\t%s\n' "$case" "$program" "$rate" >>"$record/numbers.tsv"
  note commands "$case" "$program" "$([ "$times" -eq 1 ] || echo "twice at once: ")$(shown)"
  sed -nE 's/.*"peer": *"([^"]+)", *"version": *"([^"]+)".*/\1\t\2/p' "$temporary/output1" | head -n 1 |
    while IFS=$'\t' read -r peer version; do note facts "$peer" "$version"; done
  say "$case  ${programs[$program]}: $(printf %.0f "$rate") images/s"
}

# note FILE FIELD...: a line of tab-separated fields, once.
note() {
  local file=$record/$1.tsv line
  shift
  line=$(IFS=$'\t'; echo "$*")
  grep -qsxF -- "$line" "$file" || printf '%s\n' "$line" >>"$file"
}

# `command` as one would type it.
shown() {
  local word text=
  for word in "${command[@]}"; do
    word=${word/#$pytorch_venv\/bin\//}
    word=${word/#$keras_venv\/bin\//}
    case $word in
      --allow-run-as-root) continue ;;
      *[!a-zA-Z0-9_/.,:=+-]*) word="'$word'" ;;
    esac
    text+="${text:+ }$word"
  done
  echo "$text"
}

# Facts of this machine and these programs, for the page.
note_facts() {
  local isas
  isas=$(grep -m 1 '^flags' /proc/cpuinfo | tr ' ' '\n' | grep -xE 'avx2|fma|avx512f|avx512_bf16|avx512_vnni|amx_tile|amx_bf16' |
    tr '\n' ' ')
  note facts processor "$(sed -nE 's/^model name\s*: *//p' /proc/cpuinfo | head -n 1)"
  note facts cores "$(usable_cores)"
  note facts "instruction sets" "${isas% }"
  note facts convoy "$(build/release/bin/convoy --version | sed -n '1s/^convoy //;1p;/OpenBLAS/p;/MPI/p' | paste -sd ',' | sed 's/,/, /g;s/  */ /g')"
  note facts date "$(date -u +%Y-%m-%d)"
}

# fact NAME: all that was noted of it.
fact() { awk -F '\t' -v name="$1" '$1 == name { text = text (text == "" ? "" : "; ") $2 } END { print text }' "$record/facts.tsv"; }

# numbers_of CASE PROGRAM
numbers_of() { awk -F '\t' -v case="$1" -v program="$2" '$1 == case && $2 == program { print $3 }' "$record/numbers.tsv"; }
programs_of() { awk -F '\t' -v case="$1" '$1 == case && !seen[$2]++ { print $2 }' "$record/numbers.tsv"; }

table() {
  local case program own median lowest highest ratio
  say "| | images/s | lowest to highest | Convoy's ratio |"
  say "| --- | ---: | ---: | ---: |"
  for case in "${cases[@]}"; do
    own=$(numbers_of "$case" convoy | median)
    [ -n "$own" ] || continue
    say "| **${titles[$case]}** | | | |"
    for program in $(programs_of "$case"); do
      median=$(numbers_of "$case" "$program" | median)
      lowest=$(numbers_of "$case" "$program" | sort -n | head -n 1)
      highest=$(numbers_of "$case" "$program" | sort -n | tail -n 1)
      ratio=$(awk -v own="$own" -v other="$median" -v program="$program" \
        'BEGIN { if (program != "convoy") printf "%.2f", own / other }')
      printf '| %s | %.0f | %.0f to %.0f | %s |\n' "${programs[$program]}" "$median" "$lowest" "$highest" "$ratio"
    done
  done
}

page() {
  local case program text rounds
  rounds=$(cut -f 1,2 "$record/numbers.tsv" | sort | uniq -c | awk '{ if ($1 > most) most = $1 } END { print most }')
  cat <<PAGE
# Benchmarks

Written by \`scripts/bench_peers.sh\`: every program in turn, $rounds round$([ "$rounds" -eq 1 ] || echo s). A figure is the median over the rounds of the
medians that a program gives of its own groups of steps; the ratio is that of the medians, Convoy's by the other's. Convoy
runs 2 ranks of 1 thread unless the case says otherwise. All train on random or generated pictures of CIFAR-10's size.

| | |
| --- | --- |
| processor | $(fact processor) |
| cores | $(fact cores) |
| instruction sets | $(fact "instruction sets") |
| Convoy | $(fact convoy) |
| PyTorch | $(fact pytorch) |
| Keras/TensorFlow | $(fact keras) |
| date | $(fact date) |

$(table)

## Commands

\`\`\`sh
$(for case in "${cases[@]}"; do
    for program in $(programs_of "$case"); do
      text=$(awk -F '\t' -v case="$case" -v program="$program" '$1 == case && $2 == program { print $3; exit }' "$record/commands.tsv")
      printf '# %s: %s\n%s\n' "${titles[$case]//\`/}" "${programs[$program]//\`/}" "$text"
    done
  done)
\`\`\`
PAGE
}

# make_venv DIR PACKAGE MODULE: a virtual environment that has the package.
make_venv() {
  [ -x "$1/bin/python" ] || python3 -m venv "$1"
  "$1/bin/python" -c "import $3" 2>/dev/null || "$1/bin/pip" install --quiet "$2" || die $kNetwork "could not install $2 into $1"
}

# path_of PATH: as the caller meant it, who may be in another directory.
path_of() { case $1 in /*) echo "$1" ;; *) echo "$start_directory/$1" ;; esac; }

# known_case NAME
known_case() {
  local case
  for case in "${cases[@]}"; do [ "$case" != "$1" ] || return 0; done
  die $kUsage "no case '$1'; there are ${cases[*]}"
}

rounds=5 seconds=2 venv=.venv/peers pytorch_venv='' keras_venv='' record='' report=false output=docs/benchmarks.md chosen=()
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) print_help; exit 0 ;;
    --list) for case in "${cases[@]}"; do printf '%-14s %s\n' "$case" "${titles[$case]}"; done; exit 0 ;;
    --rounds | --only | --seconds | --venv | --pytorch-venv | --keras-venv | --record | --report | --output)
      [ $# -ge 2 ] || die $kUsage "$1 wants a value; see --help" ;;
    *) die $kUsage "unknown option '$1'; see --help" ;;
  esac
  case $1 in
    --rounds) [[ $2 =~ ^[1-9][0-9]*$ ]] || die $kUsage "--rounds $2: not a positive number"; rounds=$2 ;;
    --only) IFS=, read -ra chosen <<<"$2" ;;
    --seconds) [[ $2 =~ ^[0-9]*\.?[0-9]+$ ]] || die $kUsage "--seconds $2: not a number"; seconds=$2 ;;
    --venv) venv=$(path_of "$2") ;;
    --pytorch-venv) pytorch_venv=$(path_of "$2") ;;
    --keras-venv) keras_venv=$(path_of "$2") ;;
    --record) record=$(path_of "$2") ;;
    --report) record=$(path_of "$2") report=true ;;
    --output) output=$(path_of "$2") ;;
  esac
  shift 2
done
for case in "${chosen[@]}"; do known_case "$case"; done
[ ${#chosen[@]} -gt 0 ] || chosen=("${cases[@]}")
: "${pytorch_venv:=$venv}" "${keras_venv:=$venv}"

temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
: "${record:=$temporary}"

if ! $report; then
  mkdir -p "$record"
  build_preset release convoy
  make_venv "$pytorch_venv" torch torch
  make_venv "$keras_venv" tensorflow-cpu tensorflow
  note_facts
  for round in $(seq "$rounds"); do
    say "round $round of $rounds"
    for case in "${chosen[@]}"; do
      [ "$(cores_of "$case")" -gt "$(usable_cores)" ] || "$case"
    done
  done
fi
[ -s "$record/numbers.tsv" ] || die 1 "there are no numbers in $record"
page >"$temporary/page.md"
mv "$temporary/page.md" "$output"
heading "$output"
table
