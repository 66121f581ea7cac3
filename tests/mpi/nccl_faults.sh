#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# nccl_faults.sh FAULTS_PROGRAM: a collective that hangs on GPUs, and ranks whose calls differ there, are
# found by the watchdog while the host waits or sleeps, and end the job within seconds.
set -u
faults=$1
source "$(dirname "$0")/expect.sh"

expect hang '^\[rank [02]/3 .*\] error: all_reduce_sum "encoder layer 1 dispatch" \(call 2 of group world\) has waited' \
  "$faults" nccl_hang
# Rank 0 goes on asking while the watchdog aborts the call, which frees what it asks. (A report of the library's stand-in
# begins with hostcuda: and would come before the job's end.)
expect poll '^\[rank [02]/3 .*\] error: all_reduce_sum "decoder dispatch" \(call 2 of group world\) has waited' \
  "$faults" nccl_poll
expect order '^\[rank [0-2]/3 .*\] error: .*all-reduce \(sum\) of 4 float32.*all-reduce \(max\) of 4 float32' \
  "$faults" nccl_order
