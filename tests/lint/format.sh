#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every C++ file is formatted by clang-format. Skipped (77) if clang-format is not installed.
if ! command -v clang-format >/dev/null; then
  echo "clang-format is not installed (setup.sh --tests installs it)"
  exit 77
fi
source "$(dirname "$0")/common.sh"

mapfile -t files < <(sources '*.h' '*.cpp' '*.cu' '*.cuh')
((${#files[@]})) || finish
while IFS=: read -r file line; do
  fault "${file#"$PWD/"}:$line: not formatted; run clang-format -i"
done < <(clang-format --dry-run "${files[@]}" 2>&1 | grep -oE '^[^ :]+:[0-9]+' | sort -u)
finish
