#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The gradients of step 1 agree, tensor by tensor, on 1, 2 and 4 ranks, with the experts on one rank or spread over
# ranks. They are read from the program's checkpoints. Other backends are compared with the CPU.
source "$(dirname "$0")/common.sh"
source "$here/../support/python_with.sh"
if ! python=$(python_with h5py); then
  echo "skipped: python3-h5py is not installed (setup.sh --tests installs it)"
  exit 77
fi
one_step=(--set train.steps=1 --set train.eval_every=0 --set optimizer.name=adamw
  --set optimizer.learning_rate=1e-3 --set model.experts.jitter=0.01)
train 1 one "${one_step[@]}" --set backend=cpu
for mesh in "1 1" "2 1" "2 2" "4 1" "4 2" "4 4"; do
  read -r ranks expert <<<"$mesh"
  if ((ranks > most_ranks)) || [[ $backend$ranks == cpu1 ]]; then continue; fi
  train "$ranks" "mesh-$ranks-$expert" "${one_step[@]}" --set mesh.expert="$expert"
  echo "ranks $ranks, expert $expert:"
  "$python" "$here/compare_gradients.py" 1e-5 "$folder/one/checkpoints/step-00000001" \
    "$folder/mesh-$ranks-$expert/checkpoints/step-00000001"
done
