#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh PROGRAM [ARGS...]: a test program that build.sh has built, all of its suites, but for those that start `switchyard` itself.
set -euo pipefail
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1:strict_string_checks=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
exec "$1" "${@:2}" '~[.]~[convert_command]'
