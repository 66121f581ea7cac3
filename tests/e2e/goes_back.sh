#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Resuming from an older checkpoint, and --resume none: the run restarts there, its later progress is set aside,
# and the next start resumes from the new progress. The metrics equal those of an uninterrupted run.
source "$(dirname "$0")/common.sh"
short=(--set train.steps=10 --set train.eval_every=0)
train 1 straight "${short[@]}"
checkpoints=$folder/again/checkpoints

train 1 again "${short[@]}"
train 1 again "${short[@]}" --resume "$checkpoints/step-00000005"
grep -q "its later checkpoints were moved to $checkpoints/set-aside-1" "$folder/again.out"
[[ -e $checkpoints/set-aside-1/step-00000010/manifest.json ]]
python3 "$here/compare_metrics.py" 0 "$folder/straight/metrics.jsonl" "$folder/again/metrics.jsonl"

train 1 again "${short[@]}" --set train.steps=5 --resume none
[[ -e $checkpoints/set-aside-2/step-00000010/manifest.json && ! -e $checkpoints/step-00000010 ]]
train 1 again "${short[@]}"
grep -q "resumed from $checkpoints/step-00000005 at step 5" "$folder/again.out"
python3 "$here/compare_metrics.py" 0 "$folder/straight/metrics.jsonl" "$folder/again/metrics.jsonl"

# Ranks that find different checkpoints, as those of a run that goes on, evaluate the one that rank 0 finds.
evaluate() { # STEP OF RANK 0, STEP OF RANK 1
  local words=() step
  for step in "$@"; do
    words+=(: -n 1 "$switchyard" evaluate --checkpoint "$folder/straight/checkpoints/step-000000$step" --json)
  done
  mpirun --oversubscribe --bind-to none "${words[@]:1}" 2>"$folder/evaluate.out"
}
if ((most_ranks > 1)); then
  [[ $(evaluate 05 10) == "$(evaluate 05 05)" && $(evaluate 10 05) == "$(evaluate 10 10)" ]]
  [[ $(evaluate 05 05) != "$(evaluate 10 10)" ]]
fi
