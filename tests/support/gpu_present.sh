# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by scripts that need a GPU (test.sh, benchmarks/on_gpu.sh and, in a packed folder, run_tests.sh). Each
# function prints why no GPU can be used, or nothing if one can.

# According to the driver's own tool.
why_no_gpu() {
  if ! command -v nvidia-smi >/dev/null; then
    echo "no NVIDIA driver is installed (there is no nvidia-smi)"
  elif [[ $(nvidia-smi -L 2>/dev/null) != GPU\ * ]]; then
    echo "nvidia-smi finds no GPU, or the driver is not running"
  fi
}

# According to the test program $1 (NAME_gpu), whose CUDA runtime may be newer than the driver supports.
why_tests_find_no_gpu() {
  local reason
  reason=$("$1" --list-tags 2>&1 >/dev/null) || echo "the tests find no GPU (${reason#skipped: })"
}
