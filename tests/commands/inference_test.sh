#!/usr/bin/env bash
# evaluate and predict see every sample once, however few there are and on however many ranks.
. "$(dirname "$0")/lib.sh"
pictures=$source_dir/tests/commands/pictures
write_config

"$convoy" train everything.yaml -q --run-dir run --set train.epochs=1
rows() { echo $((($(stat -c %s "$1") - 128) / 40)); } # of float32 [N, 10] behind a header of 128 bytes

# Fewer samples than a slice of evaluation, one slice, one more; on three ranks some have nothing to do.
for samples in 1 15 16 17; do
  few=(--set "data.limit=$samples")
  "$convoy" predict run -q "${few[@]}" --output one.npy || fail "predict of $samples samples: exit code $?"
  ranks 3 predict run -q "${few[@]}" --output three.npy || fail "predict of $samples samples on 3 ranks: exit code $?"
  expect_equal "rows of $samples samples" "$(rows one.npy)" "$samples"
  cmp one.npy three.npy || fail "predictions of $samples samples differ on 3 ranks"
  evaluation=$("$convoy" evaluate run -q --json "${few[@]}") || fail "evaluate of $samples samples: exit code $?"
  expect_match "evaluation of $samples samples" "$evaluation" "\"samples\":$samples,"
  expect_equal "evaluation of $samples samples on 3 ranks" "$(ranks 3 evaluate run -q --json "${few[@]}")" "$evaluation"
done

# Pictures of all kinds: a PNG file holds the very pixels of the .npy file, a JPEG file nearly so.
npy() { # shape, then that many pictures on standard output
  local header="{'descr': '|u1', 'fortran_order': False, 'shape': ($1), }"
  printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "$header"
  head -c $((1024 * $2)) /dev/zero | sed 's/\x00/\xc8\x28\x78/g'
}
npy '32, 32, 3' 1 >one-picture.npy
npy '16, 32, 32, 3' 16 >many-pictures.npy
[ "$(stat -c %s one-picture.npy)" -eq 3200 ] || fail "this test writes no proper .npy file"
for images in "$pictures/plain.png" "$pictures/plain.jpg" one-picture.npy; do
  "$convoy" predict run -q --images "$images" --output one.npy || fail "predict of $images: exit code $?"
  ranks 3 predict run -q --images "$images" --output three.npy || fail "predict of $images on 3 ranks: exit code $?"
  expect_equal "rows of $images" "$(rows one.npy)" 1
  cmp one.npy three.npy || fail "predictions of $images differ on 3 ranks"
  cp one.npy "logits-${images##*.}.npy"
done
cmp logits-png.npy logits-npy.npy || fail "equal pixels in PNG and .npy are not equal to predict"
mixed=("$pictures/plain.png" many-pictures.npy)
ranks 3 predict run -q --images "${mixed[@]}" --output mixed.npy || fail "predict of mixed pictures: exit code $?"
expect_equal "rows of mixed pictures" "$(rows mixed.npy)" 17

# A training whose validation is smaller than a slice of evaluation.
"$convoy" train everything.yaml -q --run-dir small --set data.limit=8 || fail "training with 8 samples: exit code $?"
ranks 2 train everything.yaml -q --run-dir small-2 --set data.limit=8 || fail "training with 8 samples on 2 ranks"
expect_equal "weights of 8 samples on 2 ranks" "$(weights_of small-2)" "$(weights_of small)"

# Which weights were used is said; none are an error.
expect_match "the weights of a run" "$("$convoy" evaluate run 2>&1 >evaluation.txt)" 'weights: run/(best|final)\.safetensors'
expect_match "the final weights of a run" "$("$convoy" evaluate run --final 2>&1 >evaluation.txt)" \
  'weights: run/final\.safetensors'
cp run/final.safetensors start.safetensors
started=(everything.yaml --set model.weights=start.safetensors --set name=run-of-its-own)
expect_match "the weights of a config" "$("$convoy" evaluate "${started[@]}" 2>&1 >/dev/null)" 'weights: start\.safetensors'
mkdir runs
cp -r run runs/run-of-its-own
expect_match "the final weights of a config" "$("$convoy" evaluate "${started[@]}" --final 2>&1 >/dev/null)" \
  'weights: runs/run-of-its-own/final\.safetensors'
expect_match "the weights of a run whose config names others" \
  "$("$convoy" evaluate run --set model.weights=start.safetensors 2>&1 >/dev/null)" 'weights: run/(best|final)\.safetensors'

# Outputs that can be written nowhere are refused before any work.
mkfifo pipe
ln -s pipe link-to-pipe
for output in runs nowhere/logits.npy pipe link-to-pipe; do
  code=0
  text=$("$convoy" predict run --output "$output" 2>&1) || code=$?
  expect_equal "exit code of predict to $output" "$code" 2
  expect_match "predict to $output" "$text" "^convoy: --output $output: .*(directory|first|pipe)"
done
[ -p pipe ] && [ -L link-to-pipe ] || fail "predict replaced a pipe or a link"

# A link to a file stays one.
ln -s behind-link.npy link.npy
"$convoy" predict run -q --output link.npy || fail "predict to a link: exit code $?"
[ -L link.npy ] && [ -f behind-link.npy ] || fail "predict replaced a link"

expect_match "an evaluation" "$(cat evaluation.txt)" 'loss [0-9.]+, accuracy [0-9.]+ over 70 samples$'
expect_match "an evaluation with top 5" \
  "$("$convoy" evaluate run -q --set 'metrics=[accuracy, top_5_accuracy]')" 'top-5 accuracy [0-9.]+ over 70 samples$'
expect_match "classes without samples" "$("$convoy" evaluate run -q --set data.limit=1)" '^  [a-z ]+ -$'
expect_match "the training split" "$("$convoy" evaluate run -q --split train --json)" '"samples":150,'
finish
