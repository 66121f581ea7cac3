#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# embed.sh: the project in this folder, which adds Switchyard with add_subdirectory, configures, and compiles a
# file that includes Switchyard's headers.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT

cmake -S "$here" -B "$build" -G Ninja -DSWITCHYARD="$here/../.." >"$build/log" 2>&1 || { cat "$build/log"; exit 1; }
cmake --build "$build" --target CMakeFiles/foreign.dir/foreign.cpp.o
