# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by the tests of faults.

# expect NAME TEXT COMMAND...: the command ends with a failure within 30 s and prints TEXT.
expect() {
  local name=$1 text=$2 output status
  shift 2
  output=$(timeout 30 "$(dirname "${BASH_SOURCE[0]}")/../support/mpirun.sh" 3 "$@" 2>&1)
  status=$?
  if [ "$status" -eq 0 ] || [ "$status" -eq 124 ] || ! grep -Eq "$text" <<<"$output" || grep -q '^hostcuda:' <<<"$output"; then
    printf '%s: exit code %s, looked for: %s\n%s\n' "$name" "$status" "$text" "$output"
    exit 1
  fi
  echo "$name: ok"
}
