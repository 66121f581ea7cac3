#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A run's metrics are consistent: its tokens are those of its examples, speeds follow from tokens and seconds, an
# evaluation equals what `evaluate` computes from the checkpoint of that step, and as many checkpoints are kept as
# requested.
source "$(dirname "$0")/common.sh"
steps=20
if [[ $hosted == yes ]]; then steps=8; fi
every=$((steps / 4))
given=(--set train.steps=$steps --set train.eval_every=$every --set train.checkpoint_every=$every
  --set model.experts.jitter=0.1 --set model.experts.eval_capacity_factor=1.5)
began=$(date +%s.%N)
train 2 kept "${given[@]}" --set train.keep_checkpoints=2
ended=$(date +%s.%N)
train 1 all "${given[@]}"
train 1 milestones "${given[@]}" --set train.keep_checkpoints=1 --set train.keep_every=$((2 * every))

# kept RUN: the names in the run's checkpoint folder, which must be committed checkpoints and nothing else.
kept() {
  (cd "$folder/$1/checkpoints" && find . -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | xargs)
}
step_name() { printf 'step-%08d' "$1"; }
two="$(step_name $((3 * every))) $(step_name "$steps")"
[[ $(kept kept) == "$two" ]] || { echo "keep_checkpoints 2 of run kept: $(kept kept)"; exit 1; }
[[ $(kept all) == "$(step_name "$every") $(step_name $((2 * every))) $two" ]] ||
  { echo "keep_checkpoints 0 of run all: $(kept all)"; exit 1; }
[[ $(kept milestones) == "$(step_name $((2 * every))) $(step_name "$steps")" ]] ||
  { echo "keep_every $((2 * every)) of run milestones: $(kept milestones)"; exit 1; }

for step in $((3 * every)) "$steps"; do
  checkpoint=$folder/kept/checkpoints/$(step_name "$step")
  "$switchyard" evaluate "$folder/tiny.yaml" "${given[@]}" --json --checkpoint "$checkpoint" \
    >>"$folder/evaluate.jsonl" 2>"$folder/evaluate.out"
  # The configuration in the checkpoint gives the same result; training text gives another loss.
  "$switchyard" evaluate --json --checkpoint "$checkpoint" >>"$folder/own.jsonl" 2>"$folder/evaluate.out"
done
diff "$folder/evaluate.jsonl" "$folder/own.jsonl"
train_shards=$("$switchyard" config "$folder/tiny.yaml" | sed -n 's/^  train: \["\?\([^]"]*\)"\?\]$/\1/p')
"$switchyard" evaluate --json --checkpoint "$checkpoint" --shards "$train_shards" \
  >"$folder/on_train.json" 2>"$folder/evaluate.out"
"$switchyard" inspect data "$folder/tiny.yaml" --examples $((steps * batch)) >"$folder/examples.jsonl"
"$switchyard" inspect data "$folder/tiny.yaml" --examples "$batch" --validation >"$folder/validation.jsonl"
python3 "$here/metrics_add_up.py" "$folder" "$batch" "$began" "$ended"
