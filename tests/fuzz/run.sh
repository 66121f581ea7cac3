#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh [BUILD_FOLDER [SECONDS]]: builds the fuzzers with clang, under the address and
# undefined-behaviour sanitizers, and runs each for SECONDS (10) from its corpus. An input that fails is
# left in BUILD_FOLDER as NAME-crash-...; `BUILD_FOLDER/fuzz_NAME FILE` replays it. What they find new
# is kept there too, so that a longer run goes on from it. Exit code 77: clang or its runtime is absent.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build-fuzz}
seconds=${2:-10}
fuzzers=(config shard_line tokenizer checkpoint safetensors task)

has_fuzzer_runtime() {
  local probe
  probe=$(mktemp -d)
  echo 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }' \
    >"$probe/probe.cpp"
  local status=0
  clang++ -fsanitize=fuzzer,address "$probe/probe.cpp" -o "$probe/probe" 2>/dev/null || status=1
  rm -rf "$probe"
  return "$status"
}

if ! command -v clang++ >/dev/null || ! has_fuzzer_runtime; then
  echo "clang++ or its fuzzing runtime is not installed (setup.sh --tests installs them)"
  exit 77
fi

# What the fuzzers link needs no OpenMP; clang's own may be absent, so GCC's is named for the
# configuration to pass.
mkdir -p "$build"
cmake -S . -B "$build" -G Ninja -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_BUILD_TYPE=Debug \
  -DSY_FUZZ=ON -DSY_TESTS=OFF -DSY_CUDA=OFF -DSY_NATIVE=OFF \
  -DOpenMP_CXX_FLAGS=-fopenmp=libgomp -DOpenMP_CXX_LIB_NAMES=gomp \
  -DOpenMP_gomp_LIBRARY="$(g++ -print-file-name=libgomp.so)" >"$build/configure.log" 2>&1 ||
  { cat "$build/configure.log"; exit 1; }
cmake --build "$build" --target fuzzers -j 2

# Their own output is what counts: warnings about bad input are the tested code's business. A zstd
# frame may ask for a window of 2 GiB, of which only the used part takes memory.
fuzz() {
  local name=$1 log=$build/$1.log
  mkdir -p "$build/corpus/$name"
  if "$build/fuzz_$name" -seed=1 -max_total_time="$seconds" -timeout=20 \
    -rss_limit_mb=3072 -malloc_limit_mb=4096 -detect_leaks=1 -close_fd_mask=3 -artifact_prefix="$build/$name-" \
    "$build/corpus/$name" "tests/fuzz/corpus/$name" >"$log" 2>&1; then
    echo "$name: $(grep -E '^Done [0-9]+ runs' "$log")"
  else
    echo "$name: failed"
    tail -n 60 "$log"
    return 1
  fi
}

failed=0
for ((i = 0; i < ${#fuzzers[@]}; i += 2)); do
  fuzz "${fuzzers[i]}" &
  first=$!
  if ((i + 1 < ${#fuzzers[@]})); then
    fuzz "${fuzzers[i + 1]}" || failed=1
  fi
  wait "$first" || failed=1
done
exit "$failed"
