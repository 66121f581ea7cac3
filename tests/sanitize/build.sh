#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# build.sh BUILD [TARGET...]: builds test programs under the address and undefined-behaviour sanitizers in BUILD, a build folder of
# their own, with what they link and no more. Without the CUDA backend, which tests/hostcuda checks in a way of its own.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$1
shift
targets=("$@")
if ((${#targets[@]} == 0)); then
  targets=(base_tests config_tests data_tests checkpoint_tests convert_tests kernels_tests)
fi

mkdir -p "$build"
cmake --preset sanitize -B "$build" -DSY_TESTS=ON -DSY_CUDA=OFF >"$build/configure.log" 2>&1 ||
  { cat "$build/configure.log"; exit 1; }
cmake --build "$build" --target "${targets[@]}" -j 2
