#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The gradients of step 1 agree, tensor by tensor, on up to 8 ranks, with the experts on one rank or spread over
# ranks, and with matrices whole or sharded over model ranks. They are read from the program's checkpoints. Other
# backends are compared with the CPU. With $2 `whole`, with ZeRO-1, sequence parallelism and recomputation too.
source "$(dirname "$0")/common.sh"
source "$here/../support/python_with.sh"
if ! python=$(python_with h5py); then
  echo "skipped: python3-h5py is not installed (setup.sh --tests installs it)"
  exit 77
fi
one_step=(--set train.steps=1 --set train.eval_every=0 --set optimizer.name=adamw
  --set optimizer.learning_rate=1e-3 --set model.experts.jitter=0.01)
train 1 one "${one_step[@]}" --set backend=cpu

agrees() {
  local ranks=$1 expert=$2 model=$3
  shift 3
  if ((ranks > most_ranks)) || [[ $backend$ranks == cpu1 ]]; then return; fi
  rm -rf "$folder/mesh"
  train "$ranks" mesh "${one_step[@]}" --set mesh.expert="$expert" --set mesh.model="$model" "$@"
  echo "ranks $ranks, expert $expert, model $model${*:+, ${*/--set/}}:"
  "$python" "$here/compare_gradients.py" 1e-5 "$folder/one/checkpoints/step-00000001" \
    "$folder/mesh/checkpoints/step-00000001"
}
for mesh in "1 1 1" "2 1 1" "2 2 1" "4 1 1" "4 2 1" "4 4 1" "2 1 2" "4 1 4" "4 2 2" "8 2 2"; do
  read -r ranks expert model <<<"$mesh"
  agrees "$ranks" "$expert" "$model"
  [[ ${2:-} == whole ]] || continue
  agrees "$ranks" "$expert" "$model" --set mesh.zero_stage=1 --set train.recompute=blocks
  ((model == 1)) || agrees "$ranks" "$expert" "$model" --set mesh.sequence_parallel=true --set train.recompute=experts
done
