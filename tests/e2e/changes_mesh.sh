#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A run saved on each of six meshes goes on on each of the others, as it would have on its own: the same losses to
# rounding. (train.mesh_checkpoint compares the tensors' bits.)
source "$(dirname "$0")/common.sh"
# RANKS EXPERT MODEL ZERO_STAGE SEQUENCE_PARALLEL
meshes=("1 1 1 0 false" "2 2 1 1 false" "2 1 2 0 true" "4 1 1 1 false" "4 2 2 1 false" "8 2 2 1 true")
options() {
  read -r ranks expert model zero by_rows <<<"$1"
  set_mesh=(--set mesh.expert="$expert" --set mesh.model="$model" --set mesh.zero_stage="$zero"
            --set mesh.sequence_parallel="$by_rows")
}
half=(--set train.steps=5 --set train.eval_every=5)
whole=(--set train.steps=10 --set train.eval_every=5)
train 1 whole "${whole[@]}"
for saved in "${meshes[@]}"; do
  options "$saved"
  ((ranks <= most_ranks)) || continue
  train "$ranks" saved "${half[@]}" "${set_mesh[@]}"
  for loaded in "${meshes[@]}"; do
    options "$loaded"
    [[ $loaded != "$saved" ]] && ((ranks <= most_ranks)) || continue
    cp -r "$folder/saved" "$folder/loaded"
    train "$ranks" loaded "${whole[@]}" "${set_mesh[@]}"
    grep -q "resum" "$folder/loaded.out"
    echo "saved on ($saved), loaded on ($loaded):"
    python3 "$here/compare_metrics.py" 2e-5 "$folder/whole/metrics.jsonl" "$folder/loaded/metrics.jsonl"
    rm -rf "$folder/loaded"
  done
  rm -rf "$folder/saved"
done
