#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A run that is killed in a bad stretch of its text and resumed there skips or undoes the same steps as one that is not,
# and ends with the same bits.
source "$(dirname "$0")/common.sh"
source "$here/bad_shard_common.sh"

# kill_in_stretch NAME [--set ...]: starts the run, as a longer one, and kills its ranks once the checkpoint of step
# $middle is there.
kill_in_stretch() {
  local name=$1 code=0
  train 2 "$@" --set train.steps=10000 &
  local launcher=$!
  until [[ -e $folder/$name/checkpoints/step-000000$middle/manifest.json ]]; do
    kill -0 "$launcher"
    sleep 0.02
  done
  # shellcheck disable=SC2046
  kill -KILL $(grep -oE '"pid": ?[0-9]+' "$folder/$name"/flight/*/ranks.json | grep -oE '[0-9]+')
  wait "$launcher" || code=$?
  ((code != 0))
}

for policy in skip rewind; do
  guarded=("${bad[@]}" --set optimizer.on_spike=$policy)
  train 2 straight_$policy "${guarded[@]}"
  kill_in_stretch killed_$policy "${guarded[@]}"
  # From that checkpoint, should it have come to save another.
  train 2 killed_$policy "${guarded[@]}" --resume "$folder/killed_$policy/checkpoints/step-000000$middle"
  grep -q "resumed from .* at step $middle" "$folder/killed_$policy.out"
  # It has the weights of that checkpoint, so there is nothing to go back to.
  grep -q "step $((middle + 1)): loss .* leaps over .*; the step is skipped" "$folder/killed_$policy.out"
  python3 "$here/compare_metrics.py" 0 "$folder"/{straight,killed}_$policy/metrics.jsonl
  python3 - "$folder"/{straight,killed}_$policy/checkpoints/step-000000$last/manifest.json <<'PYTHON'
import json, sys
straight, killed = (json.load(open(path))["tensors"] for path in sys.argv[1:])
assert straight and straight == killed, "checksums of tensors differ"
PYTHON
done
