#!/usr/bin/env bash
# Which weights a training ends with and keeps: early stopping, the best epoch, a part held out, limits on steps.
. "$(dirname "$0")/lib.sh"
write_config

epochs_of() { grep -c '"event":"epoch"' "$1/metrics.jsonl"; }
end_of() { grep '"event":"end"' "$1/metrics.jsonl"; }

# A learning rate that spoils everything after a good start: the watched loss gets worse, and the best epoch's weights come back.
stop='train.early_stopping={monitor: val_loss, patience: 2, restore_best_weights: true}'
spoiled='optimizer={sgd: {learning_rate: {piecewise_constant_decay: {boundaries: [8], values: [0.02, 0.5]}}, global_clipnorm: 1.0}}'
common=(train everything.yaml -q --set "$stop" --set "$spoiled" --set train.epochs=40)
"$convoy" "${common[@]}" --run-dir early
epochs=$(epochs_of early)
[ "$epochs" -lt 40 ] || fail "nothing stopped the training early"
expect_match "the end of a training stopped early" "$(end_of early)" '"stopped_early":true'
best=$(python3 - <<'PYTHON'
import json
losses = [json.loads(line)["val_loss"] for line in open("early/metrics.jsonl") if '"event":"epoch"' in line]
print(losses.index(min(losses)) + 1)
PYTHON
)
expect_equal "epochs until it stopped" "$epochs" $((best + 2))
# shellcheck disable=SC2004
"$convoy" "${common[@]}" --run-dir short --set train.early_stopping=none --set train.max_steps=$((4 * best))
expect_equal "weights given back" "$(weights_of early)" "$(weights_of short)"

# Stopped in between and gone on with, in another directory and on another number of ranks, it ends with the same weights.
"$convoy" "${common[@]}" --run-dir part --set train.max_steps=$((4 * (best + 1)))
ranks 3 "${common[@]}" --run-dir gone-on --resume "part/checkpoints/step-$((4 * (best + 1)))"
expect_equal "weights given back after a stop" "$(weights_of gone-on)" "$(weights_of early)"

expect_match "best weights that are not taken over" "$(cat gone-on/log.txt)" \
  'warning gone-on/best.safetensors is not here: the best weights are sought anew; the best so far had val_accuracy [0-9.]+ after epoch'

# It is finished, and stays so.
text=$("$convoy" "${common[@]/-q/--quiet}" --run-dir early 2>&1) || fail "a run that stopped early does not exit 0"
expect_equal "epochs of the finished run" "$(epochs_of early)" "$epochs"
expect_match "a run that stopped early" "$(cat early/log.txt)" \
  "stopped early after epoch $epochs: no better val_loss since epoch $best; .*patience above 2 or train.early_stopping: none"

# A larger patience, or none, lets it go on as if it had been so from the start.
patient=("${common[@]}" --set train.early_stopping.patience=4)
cp -r early longer
"$convoy" "${patient[@]}" --run-dir longer
expect_equal "epochs with more patience" "$(epochs_of longer)" $((best + 4))
expect_match "the end with more patience" "$(end_of longer)" '"stopped_early":true'
"$convoy" "${patient[@]}" --run-dir patient
expect_equal "weights with more patience" "$(weights_of longer)" "$(weights_of patient)"
endless=("${common[@]}" --set train.early_stopping=none)
"$convoy" "${endless[@]}" --run-dir longer
expect_equal "epochs without early stopping" "$(epochs_of longer)" 40
"$convoy" "${endless[@]}" --run-dir endless
expect_equal "weights without early stopping" "$(weights_of longer)" "$(weights_of endless)"
cmp longer/best.safetensors endless/best.safetensors || fail "the best weights differ after an early stop"

# The best epoch's weights are those of a training that ended there.
"$convoy" train everything.yaml -q --run-dir best --set "$spoiled" --set checkpoint.best=val_loss --set train.epochs=5
expect_match "the best of a training" "$(end_of best)" "\"best\":\{\"metric\":\"val_loss\",\"value\":[0-9.]+,\"epoch\":$best\}"
cmp -s best/best.safetensors short/final.safetensors || fail "best.safetensors does not hold epoch $best's weights"

# A part of the training split held out; metrics that were asked for; a limit in mid-epoch.
"$convoy" train everything.yaml -q --run-dir held --set train.validation=0.2 --set train.max_steps=5 \
  --set 'metrics=[top_5_accuracy]' --set checkpoint.best=val_loss
expect_match "the data of a held-out part" "$(cat held/log.txt)" ' 120 training samples'
expect_match "metrics asked for" "$(grep '"event":"epoch"' held/metrics.jsonl)" '"loss":.*"top_5_accuracy":.*"val_loss":.*"val_top_5_accuracy":'
! grep -q '"val_accuracy"' held/metrics.jsonl || fail "a metric is recorded that nobody asked for"
expect_match "the end of limited steps" "$(end_of held)" '"step":5,"epoch":1,'

# As many checkpoints as asked for are kept.
"$convoy" train everything.yaml -q --run-dir kept --set checkpoint.every_steps=1 --set checkpoint.keep=2
expect_equal "checkpoints kept" "$(ls kept/checkpoints | sort | tr '\n' ' ')" "step-11 step-12 "
finish
