#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# gpu_parts.sh PART OUT SECONDS BUILD: runs one part of on_gpu.sh, which stops it after SECONDS. Its output
# becomes the part's log; the last line `note: ...` and all lines `table: ...` go into the summary. Result files are
# written to OUT.
# Exit codes: 0 passed; 77 cannot run here, for the reason in a line `skipped: ...`; otherwise failed.
set -uo pipefail
part=$1 out=$2 seconds=$3 build=$4
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1
export PATH="$PATH:${CUDA_HOME:-/usr/local/cuda}/bin"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
switchyard=$build/switchyard op_tests=$build/tests/kernels_tests_gpu
tests=(ctest --test-dir "$build" -L '^gpu$' --no-tests=error --output-on-failure)
if [[ -f $root/environment.sh ]]; then
  # shellcheck source=tests/pack/environment.sh
  here=$root && . "$root/environment.sh"
  switchyard=$root/bin/switchyard op_tests=$root/tests/bin/kernels_tests_gpu tests=("$root/run_tests.sh")
fi

skip() {
  echo "skipped: $*"
  exit 77
}
need() { command -v "$1" >/dev/null || skip "there is no $1"; }

# on_cuda COMMAND CONFIG SEQUENCES [ARGUMENT...]: in bfloat16, with SEQUENCES in one micro-batch.
on_cuda() {
  local config=configs/$2.yaml sequences=$3 command=$1
  shift 3
  "$switchyard" "$command" "$config" --set backend=cuda --set precision=bfloat16 --set train.micro_batch="$sequences" \
    --set train.global_batch="$sequences" --set data.streams="$sequences" "$@"
}

# number KEY FILE [N]: the N-th number with that key in a JSON file (default: the first).
number() { grep -o "\"$1\": [-+.0-9e]*" "$2" | sed -n "${3:-1}s/.*: //p"; }

# Also fails if the program has not found the GPU.
doctor() {
  local found=$out/doctor.txt code=0
  "$switchyard" doctor --folder "$out/doctor" 2>&1 | tee "$found" || code=$?
  rm -rf "$out/doctor"
  echo "note: $(grep '^GPU GEMM' "$found" | tr -s ' ')"
  if grep '^CUDA  *not used' "$found"; then return 1; fi
  return $code
}

# The ops that are first in doubt on a new GPU, in one process.
ops() {
  local log=$out/ops.txt code=0
  SWITCHYARD_TEST_BACKEND=cuda "$op_tests" "[bfloat16],[gemm],[grouped_gemm]" 2>&1 | tee "$log" || code=$?
  echo "note: $(grep -E 'tests passed|test cases' "$log" | tail -n 1)"
  return $code
}

run_tests() {
  local log=$out/tests.txt code=0
  "${tests[@]}" 2>&1 | tee "$log" || code=$?
  echo "note: $(grep -E 'tests passed|[0-9]+ passed, ' "$log" | tail -n 1)"
  return $code
}

# bench_model CONFIG SEQUENCES...: times steps at the first number of sequences that fits into GPU memory, and compares
# with the prediction of docs/gpu.md for as many.
bench_model() {
  local config=$1 sequences file twin=() beside=''
  [[ $config == t5-* ]] || twin=(--twin)
  for sequences in "${@:2}"; do
    file=$out/bench-$config-$sequences.json
    if on_cuda bench "$config" "$sequences" --rounds 5 --json "${twin[@]}" >"$file"; then
      cat "$file"
      if command -v python3 >/dev/null; then
        beside=$(python3 benchmarks/roofline/beside.py "configs/$config.yaml" "$sequences" "$file")
        sed -n '2,$s/^/table: /p' <<<"$beside"
      fi
      echo "note: $sequences sequences: step $(number step_seconds "$file") s, $(number tokens_per_second "$file")" \
        "tokens/s, MFU $(number mfu "$file")$(number mfu_of_peak "$file" |
          sed 's/^/, of the peak /')$(number step_over_dense_twin "$file" | sed 's/^/, step time over dense baseline /')${beside:+; ${beside%%$'\n'*}}"
      return
    fi
    rm "$file"
  done
  return 1
}

# bench_experts NAME CONFIG SEQUENCES [ARGUMENT...]
bench_experts() {
  local file=$out/experts-$1.json
  if ! on_cuda bench "${@:2:2}" --part experts --json "${@:4}" >"$file"; then
    rm "$file"
    return 1
  fi
  cat "$file"
  note+="${note:+; }$1: $(number ratio "$file"), $(number ratio "$file" 2)"
}

# The cases that docs/gpu.md predicts: all 8 experts, one GPU's share of 128 experts on 8 GPUs, and all 128
# with few rows each.
experts() {
  local note='' code=0
  bench_experts 8 switch-base-8 128 || code=1
  bench_experts 16-of-128 switch-base-128 128 --expert-ranks 8 || code=1
  bench_experts 128 switch-base-128 16 || code=1
  echo "note: ${note:+one GEMM per expert / batched, encoder and decoder: $note}"
  return $code
}

# PyTorch and transformers on the same card, at as many sequences as ours.
peers() {
  local python=${SWITCHYARD_TORCH_PYTHON:-python3}
  need "$python"
  "$python" benchmarks/race/gpu_peers.py --switchyard "$switchyard" --seconds $((seconds - 5)) --beside "$out" \
    --json "$out/peers.json"
}

# sanitize TOOL: runs suites of the op tests for as long as there is time. The first suite covers most kernels
# of a step; gradient checks come later, since they launch each kernel thousands of times.
sanitize() {
  local suite left code clean='' bad=''
  need compute-sanitizer
  for suite in bfloat16 grouped_gemm dispatch router cross_entropy attention rms_norm embedding adafactor; do
    left=$((seconds - SECONDS - 3)) code=0
    ((left > 3)) || break
    timeout "$left" compute-sanitizer --tool "$1" --error-exitcode 1 --target-processes all "$op_tests" "[$suite]" \
      >"$out/$1-$suite.txt" 2>&1 || code=$?
    if grep -qi 'device not supported' "$out/$1-$suite.txt"; then skip "compute-sanitizer refuses this device"; fi
    case $code in
      0) clean+=" $suite" ;;
      124) break ;;
      *) bad+=" $suite" && tail -n 40 "$out/$1-$suite.txt" ;;
    esac
  done
  echo "note: clean:${clean:- none}${bad:+; NOT CLEAN:$bad}"
  [[ -z $bad ]] || return 1
  [[ -n $clean ]] || return 124
}

# shellcheck source=benchmarks/gpu_profiles.sh
. benchmarks/gpu_profiles.sh

case $part in
  doctor) doctor ;;
  ops) ops ;;
  tests) run_tests ;;
  bench-512) bench_model bench-512 64 8 ;;
  bench-t5-base) bench_model t5-base 128 32 ;;
  bench-switch-base-8) bench_model switch-base-8 128 64 ;;
  peers) peers ;;
  experts) experts ;;
  memcheck | racecheck | synccheck) sanitize "$part" ;;
  kernels) kernels ;;
  timeline) timeline ;;
  *) echo "gpu_parts.sh: unknown part '$part'; on_gpu.sh lists the parts" >&2 && exit 2 ;;
esac
