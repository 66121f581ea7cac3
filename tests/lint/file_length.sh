#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# No source file is longer than 500 lines.
source "$(dirname "$0")/common.sh"

longest=500
for file in $(sources '*.h' '*.cpp' '*.cu' '*.cuh' '*.py' '*.sh' '*.cmake' CMakeLists.txt); do
  lines=$(wc -l <"$file")
  ((lines <= longest)) || fault "$file: $lines lines, more than $longest"
done
finish
