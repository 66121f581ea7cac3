#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# record_numbers.sh BINARY OUT: trains tiny models for 40 steps with dropout, jitter and token drops on 1, 2 and 4
# ranks. For each run, OUT gets the metrics without timings and a checksum of every tensor of the last checkpoint. Two
# builds compute the same numbers to the last bit if `diff -r` finds no difference between their OUT folders, as it
# must be after a refactoring. Run it by hand; $SWITCHYARD_SAMPLE gives an earlier build the text of this one. With the
# CUDA backend on the host ($SWITCHYARD_TEST_BACKEND=cuda, tests/switchyard_hostcuda) it takes ten minutes. Needs h5py.
source "$(dirname "$0")/common.sh" "$1"
source "$here/../support/python_with.sh"
out=$2
python=$(python_with h5py) || { echo "record_numbers.sh: no python3 has h5py (setup.sh --tests installs it)" >&2; exit 2; }
mkdir -p "$out"

record() {
  local ranks=$1 name=$2-$1
  shift 2
  train "$ranks" "$name" --set train.steps=40 --set train.eval_every=20 --set train.checkpoint_every=0 \
    --set model.experts.z_loss=0.001 "$@"
  "$python" "$here/record_numbers.py" "$folder/$name" "$out/$name"
}

for ranks in 1 2 4; do
  record "$ranks" fixed
  record "$ranks" dropless --set model.experts.capacity=dropless
  [[ $hosted == no ]] || continue
  record "$ranks" adamw-bfloat16-geglu --set optimizer.name=adamw --set optimizer.learning_rate=0.001 \
    --set precision=bfloat16 --set model.activation=geglu --set model.tie_embeddings=false
  record "$ranks" hugging-face --set model.experts.convention=hugging_face --set model.experts.capacity=fixed \
    --set model.experts.group_sequences=1
done
ls "$out"
