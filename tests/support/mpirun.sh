#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# mpirun.sh RANKS PROGRAM [ARGS...]: runs a test program under Open MPI with one thread per rank, also as root and
# on fewer cores than ranks.
set -eu
ranks=$1
shift
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
exec mpirun --oversubscribe --bind-to none --mca btl_vader_single_copy_mechanism none \
  -n "$ranks" "$@"
