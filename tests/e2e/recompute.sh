#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs that compute activations again give the numbers and the checkpoints, bit for bit, of one that keeps them, and so
# does a run that is resumed twice, each time under another mode.
source "$(dirname "$0")/common.sh"
leg=3
[[ $hosted == no ]] || leg=1
# run NAME STEPS MODE
run() {
  train 2 "$1" --set train.steps="$2" --set train.recompute="$3" --set train.checkpoint_every=$leg \
    --set train.eval_every=$leg --set model.encoder_layers=3 --set model.decoder_layers=3
}
run none $((3 * leg)) none
run blocks $((3 * leg)) blocks
run mixed $leg blocks
run mixed $((2 * leg)) experts
grep -q "train.recompute: blocks -> experts" "$folder/mixed.out"
run mixed $((3 * leg)) none

activations() { sed -n 's/.*activations \([0-9.]*\), scratch.*/\1/p' "$folder/$1.out"; }
for name in blocks mixed; do
  python3 "$here/compare_metrics.py" 0 "$folder/none/metrics.jsonl" "$folder/$name/metrics.jsonl"
  for step in $leg $((2 * leg)) $((3 * leg)); do
    python3 - "$folder"/{none,$name}/checkpoints/step-"$(printf %08d "$step")"/manifest.json <<'PYTHON'
import json, sys
kept, again = (json.load(open(path))["tensors"] for path in sys.argv[1:])
assert kept and kept == again, "checksums of tensors differ"
PYTHON
  done
done
echo "activations: $(activations none) MiB kept, $(activations blocks) MiB with blocks computed again"
awk "BEGIN { exit !($(activations blocks) < 0.7 * $(activations none)) }"
