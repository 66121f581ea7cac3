#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# More ranks than GPUs on a node are refused with exit code 2 and both counts. Ranks that a launcher shows one GPU
# each, all as number 0, are not. Only where GPUs are executed on the host, which has as many as a test wants.
source "$(dirname "$0")/common.sh"
one_step=(--set train.steps=1 --set train.eval_every=0 --set train.checkpoint_every=1)

status=0
SWITCHYARD_HOSTCUDA_DEVICES=3 train 4 shared "${one_step[@]}" || status=$?
((status == 2)) || { echo "4 ranks on 3 GPUs: exit code $status, expected 2"; exit 1; }
grep -Eq "error: backend: cuda: .*4 ranks .* 3 GPUs" "$folder/shared.out"

status=0
CUDA_VISIBLE_DEVICES=5 train 2 same "${one_step[@]}" || status=$?
((status == 2)) || { echo "2 ranks on GPU 5: exit code $status, expected 2"; exit 1; }
grep -Eq "error: backend: cuda: .*2 ranks .* 1 GPU;" "$folder/same.out"

cat >"$folder/own_gpu.sh" <<'SCRIPT'
#!/bin/sh
export CUDA_VISIBLE_DEVICES=$OMPI_COMM_WORLD_LOCAL_RANK
exec "$PROGRAM" "$@"
SCRIPT
chmod +x "$folder/own_gpu.sh"
PROGRAM=$(realpath "$switchyard")
export PROGRAM
switchyard=$folder/own_gpu.sh train 2 own "${one_step[@]}"

status=0
SWITCHYARD_HOSTCUDA_DEVICES=1 mpirun --oversubscribe --bind-to none --mca btl_vader_single_copy_mechanism none -n 2 \
  "$PROGRAM" doctor --folder "$folder" >"$folder/doctor.out" 2>&1 || status=$?
((status == 1)) || { echo "doctor of 2 ranks on 1 GPU: exit code $status, expected 1"; exit 1; }
grep -Eq "^CUDA .*ATTENTION: .*2 ranks .* 1 GPU;" "$folder/doctor.out"
