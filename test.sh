#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds everything with warnings as errors and runs every test; ctest's summary is the last output
# and its exit code is this script's. A test that this machine cannot run is reported as skipped.
#   test.sh            everything that needs no GPU, but for long tests; the CUDA backend is executed on the host
#   test.sh --long     long tests too: every mesh, the CUDA column on more ranks (half an hour more on two cores)
#   test.sh --gpu      the CUDA backend's tests on this machine's NVIDIA GPUs
# Exit codes: ctest's; 2 wrong use, or --gpu where there is no GPU, driver or CUDA toolkit.
set -euo pipefail
cd "$(dirname "$0")"
. tests/support/gpu_present.sh

gpu=OFF
left_out='^long$'
for argument in "$@"; do
  case $argument in
    --gpu) gpu=ON ;;
    --long) left_out='^$' ;;
    -h | --help) sed -n '3,8s/^# \?//p' test.sh; exit 0 ;;
    *) echo "test.sh: unknown argument '$argument'; it takes --gpu, --long or nothing" >&2; exit 2 ;;
  esac
done

cannot() {
  echo "test.sh: --gpu: $*" >&2
  exit 2
}

if [[ $gpu == ON ]]; then
  reason=$(why_no_gpu)
  [[ -z $reason ]] || cannot "$reason"
  command -v nvcc >/dev/null || [[ -x /usr/local/cuda/bin/nvcc ]] ||
    cannot "no CUDA toolkit is installed (there is no nvcc on PATH or in /usr/local/cuda/bin)"
fi

./setup.sh --tests
configure=(cmake --preset release -DSY_WARNINGS_AS_ERRORS=ON -DSY_TESTS=ON -DSY_GPU_TESTS=$gpu)
if [[ $gpu == ON ]]; then
  "${configure[@]}" -DSY_CUDA=ON
  cmake --build build --target gpu_tests -j "$(nproc)"
  # Else every test would be skipped, and ctest content.
  reason=$(why_tests_find_no_gpu build/tests/kernels_tests_gpu)
  [[ -z $reason ]] || cannot "$reason"
  exec ctest --test-dir build -L '^gpu$' --output-on-failure
fi
"${configure[@]}"
cmake --build build -j "$(nproc)"
echo "CUDA column: $(cat build/cuda_column.txt)"
exec ctest --test-dir build -LE "$left_out" -j2 --output-on-failure
