# shellcheck shell=bash
# Sourced by what needs a GPU (test.sh, benchmarks/on_gpu.sh; packed, run_tests.sh): each function prints why
# there is none that can be used, and nothing where there is one.

# As far as the driver's own tool knows.
why_no_gpu() {
  if ! command -v nvidia-smi >/dev/null; then
    echo "no NVIDIA driver is installed (there is no nvidia-smi)"
  elif [[ $(nvidia-smi -L 2>/dev/null) != GPU\ * ]]; then
    echo "nvidia-smi finds no GPU, or its driver does not run"
  fi
}

# As the test program $1 (NAME_gpu) finds, whose CUDA runtime may be newer than the driver.
why_tests_find_no_gpu() {
  local reason
  reason=$("$1" --list-tags 2>&1 >/dev/null) || echo "the tests find no GPU (${reason#skipped: })"
}
