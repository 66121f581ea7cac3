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

# on_small SEQUENCES CONFIG COMMAND...: runs one round of the configuration's benchmark under the command.
on_small() {
  local sequences=$1 config=$2
  shift 2
  "$@" "$switchyard" bench "configs/$config.yaml" --rounds 1 --set backend=cuda --set precision=bfloat16 \
    --set train.micro_batch="$sequences" --set train.global_batch="$sequences" --set data.streams="$sequences"
}

# count FILE SEQUENCES CONFIG ARGUMENT...: writes ncu's counters of that benchmark to the file. The clocks stay as they
# are: the card may be somebody else's, and times should compare with those of `bench`.
count() {
  local file=$1 code=0
  on_small "$2" "$3" ncu --clock-control none --target-processes all "${@:4}" >"$file" 2>&1 || code=$?
  if grep -q ERR_NVGPUCTRPERM "$file"; then skip "the driver lets only root read the GPU's counters"; fi
  if grep -q LibraryNotLoaded "$file"; then skip "ncu cannot read this GPU's counters"; fi
  ((code == 0)) || tail -n 40 "$file"
  return $code
}

# Prints lines `SECONDS CALLS KERNEL` from ncu's table of durations, longest first.
sum_durations() {
  awk -F '","' '
    { gsub(/^"|"$/, "") }
    /,"Kernel Name",/ { for (i = 1; i <= NF; ++i) column[$i] = i; next }
    column["Kernel Name"] && $column["Metric Name"] == "gpu__time_duration.sum" {
      value = $column["Metric Value"]
      gsub(",", "", value)
      sum[$column["Kernel Name"]] += value
      ++calls[$column["Kernel Name"]]
    }
    END { for (name in sum) printf "%.6f %d %s\n", sum[name] * 1e-9, calls[name], name }' "$1" | sort -rn
}

# Times every kernel of about one step of Switch-Base, which ncu does in one pass. Then collects counters of our own
# kernels, longest first, for as long as there is time: on a small model, since for these ncu saves and restores the
# memory that a kernel writes.
kernels() {
  local kernel longest counted='' sections=()
  need ncu
  count "$out/ncu-durations.csv" 16 switch-base-8 --csv --print-units base --print-kernel-base function \
    --metrics gpu__time_duration.sum --launch-skip 2100 --launch-count 2100 || return
  sum_durations "$out/ncu-durations.csv" | tee "$out/kernels.txt"
  longest=$(awk '$3 ~ /_kernel$/ { print $3 }' "$out/kernels.txt" | head -n 6)
  [[ -n $longest ]] || { echo "none of our own kernels was seen"; return 1; }
  for section in LaunchStats Occupancy SpeedOfLight WarpStateStats; do sections+=(--section "$section"); done
  for kernel in $longest; do
    echo "note: $(wc -l <"$out/kernels.txt") kernels timed, counters collected for:${counted:- none}"
    ((seconds - SECONDS > 10)) || return 0
    count "$out/ncu-$kernel.txt" 64 bench-512 "${sections[@]}" --page details --kernel-name "$kernel" --launch-skip 8 \
      --launch-count 1 || return
    counted+=" $kernel"
  done
  echo "note: $(wc -l <"$out/kernels.txt") kernels timed, counters collected for:$counted"
}

timeline() {
  need nsys
  on_small 16 switch-base-8 nsys profile -t cuda,mpi --stats=true --force-overwrite=true -o "$out/timeline"
}

case $part in
  doctor) doctor ;;
  ops) ops ;;
  tests) run_tests ;;
  bench-512) bench_model bench-512 64 8 ;;
  bench-t5-base) bench_model t5-base 128 32 ;;
  bench-switch-base-8) bench_model switch-base-8 128 64 32 ;;
  peers) peers ;;
  experts) experts ;;
  memcheck | racecheck | synccheck) sanitize "$part" ;;
  kernels) kernels ;;
  timeline) timeline ;;
  *) echo "gpu_parts.sh: unknown part '$part'; on_gpu.sh lists the parts" >&2 && exit 2 ;;
esac
