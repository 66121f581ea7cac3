#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The same run on 1, 2 and 4 ranks, with the experts on one rank or spread over ranks, gives the same losses to
# rounding, with token drops, dropout and jitter enabled; and the loss falls. Other backends are compared with
# the CPU.
source "$(dirname "$0")/common.sh"
steps=() fall=1.0
if [[ $hosted == yes ]]; then
  steps=(--set train.steps=6 --set train.eval_every=3 --set train.checkpoint_every=3) fall=0.3
fi
train 1 one "${steps[@]}" --set backend=cpu
for mesh in "1 1" "2 1" "2 2" "4 2" "4 4"; do
  read -r ranks expert <<<"$mesh"
  if ((ranks > most_ranks)) || [[ $backend$ranks == cpu1 ]]; then continue; fi
  train "$ranks" "mesh-$ranks-$expert" "${steps[@]}" --set mesh.expert="$expert"
  echo "ranks $ranks, expert $expert:"
  python3 "$here/compare_metrics.py" 2e-5 "$folder/one/metrics.jsonl" \
    "$folder/mesh-$ranks-$expert/metrics.jsonl"
done
python3 - "$folder/one/metrics.jsonl" "$fall" <<'PYTHON'
import json, sys
losses = [json.loads(line)["loss"] for line in open(sys.argv[1]) if '"train"' in line]
assert losses[-1] < losses[0] - float(sys.argv[2]), losses
PYTHON
