#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `backend: cuda` in bfloat16 on a host whose processor does not multiply bfloat16, as most hosts of GPUs do not:
# nothing is planned or measured on the CPU in bfloat16. oneDNN is told to use AVX2 at most.
source "$(dirname "$0")/common.sh"
export ONEDNN_MAX_CPU_ISA=AVX2
bfloat16=(--set precision=bfloat16 --set train.steps=2 --set train.eval_every=2 --set train.checkpoint_every=2)

# The limit has an effect: the same run on the CPU is refused.
status=0
train 1 on-the-cpu "${bfloat16[@]}" --set backend=cpu || status=$?
((status == 2)) || { echo "bfloat16 on the CPU: exit code $status, expected 2"; exit 1; }

train 2 run "${bfloat16[@]}" --set backend=cuda
grep -q "^backend: cuda" "$folder/run.out"
checkpoint=$folder/run/checkpoints/step-00000002
"$switchyard" evaluate --checkpoint "$checkpoint" --set backend=cuda --json >"$folder/evaluate.out" 2>&1
"$switchyard" infill --checkpoint "$checkpoint" --set backend=cuda --json --max-length 4 \
  --text "The <extra_id_0> of the <extra_id_1>." >"$folder/infill.out" 2>&1
for part in step experts; do
  "$switchyard" bench "$folder/tiny.yaml" --part $part --rounds 1 --json --set precision=bfloat16 \
    --set backend=cuda >"$folder/bench-$part.out" 2>&1
done
