#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The same run on up to 8 ranks, with the experts on one rank or spread over ranks, with matrices whole or sharded over
# model ranks, the residual stream too or not, and with the update on every rank or divided (ZeRO-1), gives the same
# losses to rounding, with token drops, dropout and jitter enabled; and the loss falls. Other backends are compared with
# the CPU. With $2 `whole`, on every mesh under each way to save memory.
source "$(dirname "$0")/common.sh"
steps=() fall=1.0
if [[ $hosted == yes ]]; then
  steps=(--set train.steps=6 --set train.eval_every=3 --set train.checkpoint_every=3) fall=0.3
fi
train 1 one "${steps[@]}" --set backend=cpu
# RANKS EXPERT MODEL ZERO_STAGE SEQUENCE_PARALLEL RECOMPUTE
meshes=("1 1 1 0 false none" "2 1 1 0 false none" "2 1 1 1 false none" "2 2 1 0 false none" "4 2 1 1 false blocks"
        "4 4 1 0 false none" "2 1 2 0 false none" "2 1 2 0 true none" "4 1 4 0 false none" "4 1 4 1 true none"
        "4 2 2 0 false none" "4 2 2 0 true none" "4 1 2 1 false experts" "8 2 2 1 true blocks")
if [[ $hosted == yes ]]; then
  meshes=("1 1 1 0 false none" "2 2 1 0 false none" "4 2 1 1 false none" "2 1 2 0 false none" "4 2 2 0 true none"
          "4 1 2 1 false none")
elif [[ ${2:-} == whole ]]; then
  meshes=()
  for shape in "1 1 1" "2 1 1" "2 2 1" "2 1 2" "4 1 4" "4 2 1" "4 2 2" "4 4 1" "8 2 2"; do
    for zero in 0 1; do
      for by_rows in false true; do
        [[ $by_rows == false || $shape != *1 ]] || continue
        for recompute in none experts blocks; do meshes+=("$shape $zero $by_rows $recompute"); done
      done
    done
  done
fi
for mesh in "${meshes[@]}"; do
  read -r ranks expert model zero by_rows recompute <<<"$mesh"
  if ((ranks > most_ranks)) || [[ $backend$ranks == cpu1 ]]; then continue; fi
  name=mesh-$ranks-$expert-$model-$zero-$by_rows-$recompute
  train "$ranks" "$name" "${steps[@]}" --set mesh.expert="$expert" --set mesh.model="$model" \
    --set mesh.zero_stage="$zero" --set mesh.sequence_parallel="$by_rows" --set train.recompute="$recompute"
  echo "ranks $ranks, expert $expert, model $model, zero_stage $zero, sequence_parallel $by_rows, recompute $recompute:"
  python3 "$here/compare_metrics.py" 2e-5 "$folder/one/metrics.jsonl" "$folder/$name/metrics.jsonl"
done

# Other models, each on one mesh of all three axes. A bfloat16 run rounds in other places on another mesh.
variant() {
  local tolerance=$1 name=$2
  shift 2
  train 1 "$name-one" "$@"
  train 4 "$name" "$@" --set mesh.expert=2 --set mesh.model=2
  echo "$name:"
  python3 "$here/compare_metrics.py" "$tolerance" "$folder/$name-one/metrics.jsonl" "$folder/$name/metrics.jsonl"
}
if [[ $backend == cpu ]]; then
  variant 2e-5 dropless --set model.experts.capacity=dropless --set optimizer.factor_from=32 \
    --set model.experts.balance_bias=0.01
  variant 2e-5 geglu-untied --set model.activation=geglu --set model.tie_embeddings=false \
    --set model.experts.shared_expert=64
  variant 2e-5 adamw --set optimizer.name=adamw --set optimizer.learning_rate=1e-3 --set mesh.zero_stage=1
  variant 2e-5 top-2 --set model.experts.top_k=2 --set model.experts.exploration=input_dropout
  variant 2e-5 hash --set model.experts.routing=hash
  variant 5e-3 bfloat16 --set precision=bfloat16 --set mesh.zero_stage=1
  variant 5e-3 bfloat16-by-rows --set precision=bfloat16 --set mesh.sequence_parallel=true
fi
python3 - "$folder/one/metrics.jsonl" "$fall" <<'PYTHON'
import json, sys
losses = [json.loads(line)["loss"] for line in open(sys.argv[1]) if '"train"' in line]
assert losses[-1] < losses[0] - float(sys.argv[2]), losses
PYTHON
