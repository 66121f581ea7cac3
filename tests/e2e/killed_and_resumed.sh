#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A run that is killed repeatedly, and stopped once by a signal, ends with the same metrics and the same
# checkpoint, bit for bit, as an uninterrupted run. It also replays some of its steps, which changes nothing, and its ledger
# says what was lost.
source "$(dirname "$0")/common.sh"
last=40 every=5 width=8 kills="2 12 22" stop=31
if [[ $hosted == yes ]]; then
  last=15 every=3 width=3 kills="2 6 9" stop=11
fi
long=(--set train.steps=$last --set train.checkpoint_every=$every)
replays=(--set run.replay_every=4)
train 2 straight "${long[@]}"

# interrupt STEP SIGNAL WHICH: starts the run, waits until this start has logged STEP, and sends it SIGNAL (WHICH:
# -n for its newest process, or empty for all). Sets $code to the exit code.
interrupt() {
  local step=$1 signal=$2 which=$3
  code=0
  : >"$folder/broken.out"
  train 2 broken "${long[@]}" "${replays[@]}" &
  local launcher=$!
  until grep -q "^step $step/$last " "$folder/broken.out"; do
    kill -0 "$launcher" 2>/dev/null || break
    sleep 0.02
  done
  # shellcheck disable=SC2086
  pkill "-$signal" $which -f "^$switchyard pretrain $folder/tiny.yaml --set run.name=broken" || true
  wait "$launcher" || code=$?
}

fail() {
  cat "$folder/broken.out"
  echo "$1"
  exit 1
}

# One random step in each part of the run; a kill may hit in the middle of a checkpoint.
for first in $kills; do
  step=$((first + RANDOM % width))
  interrupt "$step" KILL -n
  ((code != 0)) || fail "a rank killed at step $step went unnoticed"
  echo "killed at step $step"
done
interrupt $stop USR1 ""
((code == 75)) || fail "after SIGUSR1 the exit code is $code"
train 2 broken "${long[@]}" "${replays[@]}"
end=checkpoints/step-$(printf %08d "$last")
python3 "$here/compare_metrics.py" 0 "$folder/straight/metrics.jsonl" "$folder/broken/metrics.jsonl"
for run in straight broken; do
  "$switchyard" inspect "$folder/$run/$end" --verify >"$folder/$run.txt"
done
diff "$folder/straight.txt" "$folder/broken.txt"
python3 - "$folder"/{straight,broken}/"$end"/manifest.json <<'PYTHON'
import json, sys
straight, broken = (json.load(open(path))["tensors"] for path in sys.argv[1:])
assert straight and straight == broken, "checksums of tensors differ"
print(len(straight), "tensors with the same bytes")
PYTHON
# shellcheck disable=SC2086
starts=$(set -- $kills; echo $(($# + 2)))
"$switchyard" inspect "$folder/broken" --json >"$folder/goodput.json"
python3 "$here/check_ledger.py" "$folder/broken" "$folder/goodput.json" $starts $last
"$switchyard" inspect "$folder/broken"
