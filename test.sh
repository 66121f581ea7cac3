#!/usr/bin/env bash
# Builds everything with warnings as errors and runs every test; ctest's summary is the last output
# and its exit code is this script's. A test that this machine cannot run is reported as skipped.
set -euo pipefail
cd "$(dirname "$0")"

for argument in "$@"; do
  case $argument in
    --gpu) echo "test.sh: this version has no CUDA twins of its operators, so there is nothing for --gpu to test" >&2; exit 2 ;;
    -h | --help) sed -n '2,3s/^# \?//p' test.sh; exit 0 ;;
    *) echo "test.sh: unknown argument '$argument'; it takes --gpu or nothing" >&2; exit 2 ;;
  esac
done

./setup.sh --tests
cmake --preset release -DSY_WARNINGS_AS_ERRORS=ON -DSY_TESTS=ON
cmake --build build -j "$(nproc)"
exec ctest --test-dir build -j2 --output-on-failure
