#!/usr/bin/env bash
# Every C++ file is as clang-format leaves it. Skipped (77) where clang-format is absent.
if ! command -v clang-format >/dev/null; then
  echo "clang-format is not installed (setup.sh --tests installs it)"
  exit 77
fi
source "$(dirname "$0")/common.sh"

mapfile -t files < <(sources '*.h' '*.cpp' '*.cu' '*.cuh')
((${#files[@]})) || finish
while IFS=: read -r file line; do
  fault "${file#"$PWD/"}:$line: not as clang-format -i leaves it"
done < <(clang-format --dry-run "${files[@]}" 2>&1 | grep -oE '^[^ :]+:[0-9]+' | sort -u)
finish
