#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every source file names its licence in its first line, or in its second under a #! line.
source "$(dirname "$0")/common.sh"

for file in $(sources '*.h' '*.cpp' '*.cu' '*.cuh' '*.py' '*.sh' '*.cmake' CMakeLists.txt); do
  head -n 2 "$file" | grep -qE '^(//|#) SPDX-License-Identifier: Apache-2\.0$' ||
    fault "$file: no line 'SPDX-License-Identifier: Apache-2.0' at its top"
done
finish
