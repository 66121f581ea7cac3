#!/usr/bin/env bash
# nccl_faults.sh FAULTS_PROGRAM: a collective that hangs on GPUs, and ranks whose calls differ there, are
# found by the watchdog while the host waits or sleeps, and end the job within seconds.
set -u
faults=$1
here=$(dirname "$0")

# expect NAME TEXT COMMAND...: the command ends with a failure within 30 s and prints TEXT.
expect() {
  local name=$1 text=$2 output status
  shift 2
  output=$(timeout 30 "$here/../support/mpirun.sh" 3 "$@" 2>&1)
  status=$?
  if [ "$status" -eq 0 ] || [ "$status" -eq 124 ] || ! grep -Eq "$text" <<<"$output"; then
    printf '%s: exit code %s, looked for: %s\n%s\n' "$name" "$status" "$text" "$output"
    exit 1
  fi
  echo "$name: ok"
}

expect hang '^\[rank [02]/3 .*\] error: all_reduce_sum "encoder layer 1 dispatch" \(call 2 of group world\) has waited' \
  "$faults" nccl_hang
expect order '^\[rank [0-2]/3 .*\] error: .*all-reduce \(sum\) of 4 float32.*all-reduce \(max\) of 4 float32' \
  "$faults" nccl_order
