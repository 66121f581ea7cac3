#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the GPU tests of a packed folder and prints one line each, followed by the output if the test fails.
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
output=$(mktemp)
trap 'rm -f "$output"' EXIT
passed=0 failed=() skipped=0
while IFS=$'\t' read -ra words; do
  name=${words[0]} code=0 begun=$SECONDS
  [[ $name =~ ${1:-.} ]] || continue
  # Use full paths of programs, so that mpirun finds them, too.
  for i in "${!words[@]}"; do
    if ((i > 0)) && [[ -x $here/${words[i]} && ! -d $here/${words[i]} ]]; then words[i]=$here/${words[i]}; fi
  done
  timeout 600 "${words[@]:1}" >"$output" 2>&1 </dev/null || code=$?
  case $code in
    0) passed=$((passed + 1)) result=passed ;;
    77) skipped=$((skipped + 1)) result="skipped: $(sed -n 's/^skipped: //p' "$output" | head -n 1)" ;;
    *) failed+=("$name") result="FAILED, exit code $code" ;;
  esac
  printf '%-40s %4d s  %s\n' "$name" $((SECONDS - begun)) "$result"
  if [[ $result == FAILED* ]]; then sed 's/^/    /' "$output"; fi
done <tests/list.txt
echo "$passed passed, ${#failed[@]} failed, $skipped skipped"
if ((${#failed[@]} > 0)); then
  printf '  %s\n' "${failed[@]}"
  exit 1
fi
((passed > 0)) || exit 2
