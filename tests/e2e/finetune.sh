#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fine-tuning from random weights on two tasks: the loss falls, one rank, two, and a model sharded over two give the same
# numbers, a run that is killed and resumed ends with the same bits, and the best checkpoint outlives the others and gives
# its scores again.
source "$(dirname "$0")/common.sh"
source "$here/finetune_common.sh"
pretrain_random
finetune 2 straight
finetune 1 alone
finetune 2 sharded --set mesh.model=2
for run in alone sharded; do
  python3 "$here/compare_metrics.py" 2e-5 "$folder/straight/metrics.jsonl" "$folder/$run/metrics.jsonl"
done
python3 - "$folder/straight/metrics.jsonl" <<'PYTHON'
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
losses = [line["loss"] for line in lines if line["kind"] == "evaluation"]
assert losses[-1] < losses[0] - 1, losses
scored = [line["tasks"] for line in lines if line["kind"] == "evaluation"]
assert all(set(of) == {"sort", "yes_no"} and set(of["sort"]) == {"exact_match"} for of in scored), scored
assert scored[0]["yes_no"]["exact_match"] == 0 and scored[-1]["yes_no"]["exact_match"] >= 80, scored
print("losses", losses)
PYTHON

finetune 2 broken & launcher=$!
until grep -q "^step 13/" "$folder/broken.out" 2>/dev/null; do
  kill -0 "$launcher" 2>/dev/null || break
  sleep 0.02
done
pkill -KILL -n -f "^$switchyard finetune $folder/sort.yaml --set run.name=broken" || true
wait "$launcher" && { echo "a killed rank went unnoticed"; exit 1; }
finetune 2 broken
grep -q "resumed from" "$folder/broken.out"
python3 "$here/compare_metrics.py" 0 "$folder/straight/metrics.jsonl" "$folder/broken/metrics.jsonl"
end=checkpoints/step-$(printf %08d "$steps")
python3 - "$folder"/{straight,broken}/"$end"/manifest.json <<'PYTHON'
import json, sys
straight, broken = (json.load(open(path))["tensors"] for path in sys.argv[1:])
assert straight and straight == broken, "checksums of tensors differ"
PYTHON

# Of each task, the checkpoint with the best score, the first on a tie, and nothing else but the newest.
for run in straight broken; do
  for task in sort yes_no; do
    "$switchyard" evaluate --checkpoint "$folder/$run/best/$task" --tasks $task --json \
      --predictions "$folder/$run-$task.jsonl" >"$folder/$run-$task.json"
  done
  python3 "$here/check_best.py" "$folder" "$run" sort yes_no
done
# The newest checkpoint, with the weights of several ranks.
mpirun --oversubscribe --bind-to none -n 2 "$switchyard" evaluate "$folder/sort.yaml" --set run.name=straight \
  --tasks >"$folder/scores.out" 2>&1
grep -q "^step $steps: sort exact_match " "$folder/scores.out"
grep -q "^step $steps: yes_no exact_match " "$folder/scores.out"

# The best checkpoint is written for Hugging Face by rank 0 alone, for longer than the others would wait for it.
preload=$(dirname "$switchyard")/tests/libslow_disk.so
LD_PRELOAD=$preload OPEN_ON=0 OPEN_OF=/config.json SLOW_OPEN_MS=13000 \
  finetune 2 straight --set finetune.export_best=true --set run.hang_timeout_seconds=10
[[ -e $folder/straight/best/sort.hf/config.json ]]
