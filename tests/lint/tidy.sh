#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tidy.sh [ROOT [BUILD [FILE...]]]: clang-tidy has no finding in the .cpp files of lib, cmd and kernels, or in FILEs. Compiler
# options come from BUILD/compile_commands.json (ROOT/build where left out). Skipped (77) where clang-tidy is absent.
if ! command -v clang-tidy >/dev/null; then
  echo "clang-tidy is not installed (setup.sh --tests installs it)"
  exit 77
fi
build=$(cd "${2:-$(dirname "$0")/../../build}" && pwd) || exit 2
files=("${@:3}")
source "$(dirname "$0")/common.sh"

if [[ ! -f $build/compile_commands.json ]]; then
  echo "$build has no compile_commands.json; configure it with CMake first" >&2
  exit 2
fi
if ((${#files[@]} == 0)); then
  mapfile -t files < <(sources '*.cpp' | grep -E '^(lib|cmd|kernels)/')
fi

# The build's options are GCC's: clang does not know all of them, and says so where it is not told otherwise.
tidy=(clang-tidy -p "$build" --quiet --extra-arg=-Wno-unknown-warning-option
  --extra-arg=-Wno-ignored-optimization-argument)
report=$(printf '%s\0' "${files[@]}" | xargs -0 -n 1 -P "$(nproc)" "${tidy[@]}" 2>&1) || true
while IFS= read -r line; do
  fault "${line#"$PWD/"}"
done < <(grep -E ': (error|warning): |^error: |^Error ' <<<"$report" | sort -u)
finish
