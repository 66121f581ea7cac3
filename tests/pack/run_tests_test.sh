#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run_tests.sh of a packed folder, with stand-ins for the GPU and the tests: one process a program, multi-GPU tests left out
# by the number of GPUs, and if a program fails, each of its tests alone.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder"/{bin,tests/{bin,support,e2e}}
cp "$root/tests/pack/run_tests.sh" "$root/tests/pack/environment.sh" "$folder/"
cp "$root/tests/support/gpu_present.sh" "$folder/tests/support/"

fail() {
  cat "$folder/text"
  echo "FAILED: $*"
  exit 1
}
stand_in() { # NAME BODY
  printf '#!/bin/sh\n%s\n' "$2" >"$folder/$1"
  chmod +x "$folder/$1"
}

stand_in bin/nvidia-smi 'echo "GPU 0: Stand-in (UUID: GPU-0)"'
stand_in tests/support/mpirun.sh 'echo "mpirun $1 $3" >>calls; exec "$2" "$3"'
stand_in tests/e2e/whole.sh 'echo "whole $1" >>calls; echo "skipped: no h5py"; exit 77'
stand_in tests/bin/ops_gpu 'echo "ops $1" >>calls'
stand_in tests/bin/mesh_gpu 'case $1 in *mesh*) exit 3 ;; esac'
printf 'gpu.%s\t%s\t%s\n' ops.gemm tests/bin/ops_gpu '[gemm]' ops.router tests/bin/ops_gpu '[router]' >"$folder/tests/list.txt"
for ranks in 1 2; do
  for suite in step mesh; do
    printf 'gpu.%s.np%s\ttests/support/mpirun.sh\t%s\ttests/bin/mesh_gpu\t[%s]\n' $suite $ranks $ranks $suite
  done
done >>"$folder/tests/list.txt"
printf 'gpu.e2e.whole\ttests/e2e/whole.sh\tswitchyard\n' >>"$folder/tests/list.txt"

# expect CODE CALLS [PATTERN]
expect() {
  local code=0
  rm -f "$folder/calls"
  PATH=$folder/bin:$PATH "$folder/run_tests.sh" "${@:3}" >"$folder/text" 2>&1 || code=$?
  [[ $code == "$1" ]] || fail "exit code $code instead of $1"
  [[ $(paste -sd ';' "$folder/calls") == "$2" ]] || fail "the calls are $(paste -sd ';' "$folder/calls")"
}

expect 1 'ops [gemm],[router];mpirun 1 [step],[mesh];mpirun 1 [step];mpirun 1 [mesh];whole switchyard'
grep -q '^3 passed, 1 failed, 3 skipped$' "$folder/text" || fail "the totals are wrong"
grep -q '^  gpu.mesh.np1$' "$folder/text" || fail "the test that failed is not named"
expect 0 'ops [gemm],[router]' ops
expect 0 'mpirun 1 [step]' step
grep -q '1 tests need more GPUs' "$folder/text" || fail "it does not count what needs more GPUs"
stand_in bin/nvidia-smi 'echo "GPU 0: A"; echo "GPU 1: B"'
expect 0 'mpirun 1 [step];mpirun 2 [step]' step
