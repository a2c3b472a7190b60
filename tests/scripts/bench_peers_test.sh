#!/usr/bin/env bash
# Tests of scripts/bench_peers.sh: what it refuses, and the page that it makes of recorded numbers. Measures nothing.
# usage: bench_peers_test.sh REPOSITORY
set -uo pipefail
repository=$1
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
cd "$temporary" || exit 1
failed=0
fail() {
  printf 'FAILED: %s\n' "$*"
  failed=$((failed + 1))
}
bench_peers() { "$repository/scripts/bench_peers.sh" "$@" 2>&1; }

# expect CODE WORDS OPTION...: ends with CODE, saying WORDS.
expect() {
  local expected=$1 words=$2 code=0 said
  shift 2
  said=$(bench_peers "$@") || code=$?
  [ $code -eq "$expected" ] || fail "$*: ended with $code instead of $expected"
  [[ $said == *"$words"* ]] || fail "$*: did not say '$words' but: $said"
}
expect 2 "unknown option '--round'" --round 3
expect 2 "--rounds 0: not a positive number" --rounds 0
expect 2 "--seconds two: not a number" --seconds two
expect 2 "--only wants a value" --only
expect 2 "no case 'batch-129'; there are batch-128 " --only batch-32,batch-129
expect 0 "usage: scripts/bench_peers.sh" --help
expect 0 "training, float32, batch 128" --list
expect 1 "there are no numbers in $temporary/nothing" --report nothing

# Every case has a function, and every program that it measures a name.
for case in $(bench_peers --list | awk '{ print $1 }'); do
  grep -q "^$case() {" "$repository/scripts/bench_peers.sh" || fail "$case has no function"
done
while read -r program; do
  grep -q "^  \[$program\]=" "$repository/scripts/bench_peers.sh" || fail "$program has no name"
done < <(sed -nE 's/.*; measure ([a-z0-9-]+).*/\1/p' "$repository/scripts/bench_peers.sh")

mkdir record
printf '%s\t%s\t%s\n' batch-32 convoy 6000 batch-32 keras-2 2000 batch-32 convoy 8000 batch-32 keras-2 2500 \
  batch-32 convoy 7000 batch-32 keras-2 2250.4 exact-native convoy 900 exact-native convoy-native 1000 >record/numbers.tsv
printf '%s\t%s\t%s\n' batch-32 convoy "convoy bench --set 'a={b: 1}'" batch-32 keras-2 "python keras.py" >record/commands.tsv
printf '%s\t%s\n' processor "A | B" cores 2 keras 3.1/2.9 date 2030-01-02 >record/facts.tsv
expect 0 "= $temporary/page.md" --report record --output page.md
has() { grep -qxF -- "$1" page.md || fail "the page does not have the line '$1'"; }
has "| **training, float32, batch 32** | | | |"
has "| Convoy | 7000 | 6000 to 8000 |  |"
has "| Keras, 2 threads | 2250 | 2000 to 2500 | 3.11 |"
has "| Convoy, \`native\` | 1000 | 1000 to 1000 | 0.90 |"
has "| Keras/TensorFlow | 3.1/2.9 |"
has "| date | 2030-01-02 |"
has "convoy bench --set 'a={b: 1}'"
grep -q "3 rounds" page.md || fail "the page does not say how many rounds"
! grep -q "VGG-11" page.md || fail "the page has cases that were not measured"

[ "$failed" -eq 0 ] && echo "all checks passed"
