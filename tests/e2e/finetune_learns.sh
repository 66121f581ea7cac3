#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A tiny model learns to sort letters that it has not seen together: at least 90 % of the answers are right, to the
# letter. The best checkpoint is also written in Hugging Face's form.
source "$(dirname "$0")/common.sh"
source "$here/finetune_common.sh"
pretrain_random
sed -i "s/sort-few/sort-validation/" "$folder/sort.yaml"
finetune 2 learns --set train.steps=250 --set train.eval_every=125 --set train.global_batch=128 \
  --set train.micro_batch=64 --set train.checkpoint_every=0 --set finetune.export_best=true
python3 - "$folder/learns/metrics.jsonl" <<'PYTHON'
import json, sys
best = max(line["tasks"]["sort"]["exact_match"] for line in map(json.loads, open(sys.argv[1])) if "tasks" in line)
print(f"{best:.1f} % right")
assert best >= 90
PYTHON
grep -q '"d_model": 64' "$folder/learns/best/sort.hf/config.json"
# The exported weights are those of the checkpoint.
"$switchyard" convert --from hf --to switchyard "$folder/learns/best/sort.hf" "$folder/back" >"$folder/back.out" 2>&1
python3 - "$folder/learns/best/sort/manifest.json" "$folder/back/manifest.json" <<'PYTHON'
import json, sys
def parameters(path):
    tensors = json.load(open(path))["tensors"]
    return {tensor["name"] for tensor in tensors if tensor["name"].startswith("parameters/")}
assert parameters(sys.argv[1]) == parameters(sys.argv[2])
PYTHON
