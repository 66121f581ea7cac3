#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every op is complete: a header below kernels/ that declares an Impl template has its dispatch, its CPU and
# CUDA implementations and its test, and is registered.
source "$(dirname "$0")/common.sh"

for header in $(sources '*.h' | grep -E '^kernels/'); do
  grep -qE '^(struct|class) [A-Za-z]+Impl\>' "$header" || continue
  op=$(basename "$header" .h) stem=${header%.h}
  for file in "$stem.cpp" "${stem}_cpu.cpp" "${stem}_cuda.cu" "tests/kernels/${op}_test.cpp"; do
    [[ -f $file ]] || fault "$header: op $op has no $file"
  done
  room=$(basename "$(dirname "$header")")
  if [[ $room == "$op" ]]; then call="sy_add_op($op)"; else call="sy_add_op($op $room)"; fi
  grep -qxF "$call" kernels/sources.cmake || fault "$header: kernels/sources.cmake has no $call"
done
finish
