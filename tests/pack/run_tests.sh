#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the GPU tests of a packed folder and prints one line each, followed by the output if the test fails. Tests of one
# program run in one process, since each process takes seconds to set up a GPU; if that fails, each runs alone, to tell
# which it was.
#   run_tests.sh [PATTERN]     only tests whose names match (default: all)
# Exit codes: 0 all tests that ran passed; 1 a test failed; 2 no test ran.
set -uo pipefail
here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
cd "$here" || exit 2
. "$here/environment.sh"
. "$here/tests/support/gpu_present.sh"
export PATH="$here:$PATH" SWITCHYARD_TEST_BACKEND=cuda SWITCHYARD_SHARED="${SWITCHYARD_SHARED:-$here/shared}" \
  SWITCHYARD_SAMPLE="$here/tests/sample"

reason=$(why_no_gpu)
if [[ -n $reason ]]; then
  echo "run_tests.sh: $reason" >&2
  exit 2
fi
nvidia-smi -L
gpus=$(nvidia-smi -L | grep -c '^GPU ')
output=$(mktemp)
trap 'rm -f "$output"' EXIT
passed=0 failed=() skipped=0 too_few=0

# run NAME WORD...: runs the command, its words relative to the folder; prints a line; returns the exit code.
run() {
  local name=$1 code=0 begun=$SECONDS words=("${@:2}") i result
  for i in "${!words[@]}"; do  # full paths of programs, so that mpirun finds them, too
    if [[ -x $here/${words[i]} && ! -d $here/${words[i]} ]]; then words[i]=$here/${words[i]}; fi
  done
  timeout 600 "${words[@]}" >"$output" 2>&1 </dev/null || code=$?
  case $code in
    0) result=passed ;;
    77) result="skipped: $(sed -n 's/^skipped: //p' "$output" | head -n 1)" ;;
    *) result="FAILED, exit code $code" ;;
  esac
  printf '%-40s %4d s  %s\n' "$name" $((SECONDS - begun)) "$result"
  if [[ $result == FAILED* ]]; then sed 's/^/    /' "$output"; fi
  return $code
}

# count CODE TESTS NAME: adds the tests to the totals.
count() {
  case $1 in
    0) passed=$((passed + $2)) ;;
    77) skipped=$((skipped + $2)) ;;
    *) failed+=("$3") ;;
  esac
}

# Lines by what starts them: `PROGRAM FILTER` and `mpirun.sh RANKS PROGRAM FILTER` are grouped by all but the filter.
declare -A filters=() lines=()
order=()
while IFS=$'\t' read -ra words; do
  [[ ${words[0]} =~ ${1:-.} ]] || continue
  if [[ ${words[1]} == */mpirun.sh ]] && ((words[2] > gpus)); then
    too_few=$((too_few + 1))
    continue
  fi
  if [[ " ${words[*]:1} " == *' tests/bin/'* ]]; then
    start=$(printf '%s\t' "${words[@]:1:${#words[@]}-2}")
    filters[$start]+=${filters[$start]:+,}${words[-1]}
  else
    start=$(printf '%s\t' "${words[@]:1}")
  fi
  [[ -n ${lines[$start]:-} ]] || order+=("$start")
  lines[$start]+=$(printf '%s\t' "${words[@]}")$'\n'
done <tests/list.txt

for start in ${order[@]+"${order[@]}"}; do
  mapfile -t tests < <(printf '%s' "${lines[$start]}")
  IFS=$'\t' read -ra words <<<"$start"
  if ((${#tests[@]} > 1)); then
    code=0
    run "${#tests[@]} tests of ${words[*]##*/}" "${words[@]}" "${filters[$start]}" || code=$?
    if [[ $code == 0 || $code == 77 ]]; then
      count $code ${#tests[@]} ''
      continue
    fi
    failures=${#failed[@]}
  fi
  for test in "${tests[@]}"; do
    IFS=$'\t' read -ra words <<<"$test"
    code=0
    run "${words[@]}" || code=$?
    count $code 1 "${words[0]}"
  done
  if ((${#tests[@]} > 1 && failures == ${#failed[@]})); then failed+=("${#tests[@]} tests in one process, though none alone"); fi
done
if ((too_few > 0)); then
  skipped=$((skipped + too_few))
  echo "$too_few tests need more GPUs than there are ($gpus)"
fi
echo "$passed passed, ${#failed[@]} failed, $skipped skipped"
if ((${#failed[@]} > 0)); then
  printf '  %s\n' "${failed[@]}"
  exit 1
fi
((passed > 0)) || exit 2
