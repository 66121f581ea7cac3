#!/usr/bin/env bash
# An op is whole: a header in kernels/ that declares an Impl template has its dispatch, its CPU and
# CUDA twins and its test, and is registered.
source "$(dirname "$0")/common.sh"

for header in $(sources '*.h' | grep -E '^kernels/'); do
  grep -qE '^(struct|class) [A-Za-z]+Impl\>' "$header" || continue
  op=$(basename "$header" .h)
  for file in "kernels/$op.cpp" "kernels/${op}_cpu.cpp" "kernels/${op}_cuda.cu" \
    "tests/kernels/${op}_test.cpp"; do
    [[ -f $file ]] || fault "$header: op $op has no $file"
  done
  grep -qE "^sy_add_op\($op\)" kernels/sources.cmake ||
    fault "$header: kernels/sources.cmake has no sy_add_op($op)"
done
finish
