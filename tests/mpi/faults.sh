#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# faults.sh FAULTS_PROGRAM MPI_TESTS: a hang is found and named; a rank that fails, in the program or in
# a test, ends the job within seconds and says where.
set -u
faults=$1
tests=$2
source "$(dirname "$0")/expect.sh"

expect hang '^\[rank [02]/3 .*\] error: all_reduce_sum "encoder layer 1 dispatch" \(call 2 of group world\) has waited' \
  "$faults" hang
expect nested '^\[rank [0-2]/3 .*\] error: barrier "whole step" \(call 7 of group world\) has waited 1 s' "$faults" nested
expect exception '^\[rank 1/3 .*\] error: rank 1 gives up' "$faults" throw
expect assertion '^\[rank 1/3\] .*listener_test.cpp:[0-9]+: failed: ' "$tests" '[.fails_on_rank_1]'
if ! output=$(timeout 30 "$(dirname "$0")/../support/mpirun.sh" 3 "$faults" slow 2>&1) || [ -n "$output" ]; then
  printf 'slow: a rank that waits in no call for long is ended\n%s\n' "$output"
  exit 1
fi
echo "slow: ok"
