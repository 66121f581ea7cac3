#!/usr/bin/env bash
# faults.sh FAULTS_PROGRAM MPI_TESTS: a hang is found and named; a rank that fails, in the program or in
# a test, ends the job within seconds and says where.
set -u
faults=$1
tests=$2
source "$(dirname "$0")/expect.sh"

expect hang '^\[rank [02]/3 .*\] error: all_reduce_sum "encoder layer 1 dispatch" \(call 2 of group world\) has waited' \
  "$faults" hang
expect exception '^\[rank 1/3 .*\] error: rank 1 gives up' "$faults" throw
expect assertion '^\[rank 1/3\] .*listener_test.cpp:[0-9]+: failed: ' "$tests" '[.fails_on_rank_1]'
