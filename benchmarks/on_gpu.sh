#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the full GPU validation suite in about ten minutes, most valuable parts first, and writes the results to
# a directory. It works from a build and from a packed folder (pack.sh).
#   on_gpu.sh [OPTION...] OUT    OUT is created; it may exist if it is empty
#     --minutes N      time limit for all parts together (default 10); each part gets its share
#     --build BUILD    the build directory of a source tree (default build); a packed folder has its own programs
#     --only PART      run only this part; may be repeated
# OUT/summary.txt has one line per part, OUT/PART.log its output; docs/testing.md describes the other files.
# Exit codes: 0 nothing failed; 1 a part failed or ran out of time; 2 wrong usage, no GPU, or nothing built.
set -uo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
# shellcheck source=tests/support/gpu_present.sh
. "$root/tests/support/gpu_present.sh"

# Each part's name and its share in seconds when the limit is 10 minutes. Time that a part leaves unused goes to
# later parts, so the shares may add up to more.
parts=(doctor:30 tests:200 bench-512:30 bench-t5-base:60 bench-switch-base-8:80 experts:60
  memcheck:60 racecheck:60 synccheck:40 kernels:60 timeline:40)
known=" ${parts[*]%%:*} "

wrong() { echo "on_gpu.sh: $*" >&2; exit 2; }
minutes=10 build=$root/build out='' only=' '
while (($# > 0)); do
  case $1 in
    --minutes | --build | --only)
      (($# > 1)) || wrong "$1 needs a value; --help explains it"
      case $1 in
        --minutes) minutes=$2 ;;
        --build) build=$2 ;;
        --only)
          [[ $known == *" $2 "* ]] || wrong "unknown part '$2'; the parts are$known"
          only+="$2 "
          ;;
      esac
      shift
      ;;
    -h | --help) sed -n '1d; /^#/!q; /SPDX-/d; s/^# \?//p' "$0"; exit 0 ;;
    -*) wrong "unknown option '$1'; --help lists them" ;;
    *) [[ -z $out ]] || wrong "name one output directory, not both '$out' and '$1'"; out=$1 ;;
  esac
  shift
done
[[ -n $out ]] || wrong "name a directory for the results; --help explains the usage"
[[ $minutes =~ ^[1-9][0-9]*$ ]] || wrong "--minutes: '$minutes' is not a positive integer"
[[ ! -e $out || -z $(ls -A "$out" 2>&1) ]] || wrong "$out is not an empty directory; name a new one"

reason=$(why_no_gpu)
[[ -z $reason ]] || wrong "$reason"
if [[ -f $root/environment.sh ]]; then
  op_tests=$root/tests/bin/kernels_tests_gpu
  [[ -x $op_tests ]] || wrong "this folder was packed without GPU tests; pack a build with SY_GPU_TESTS=ON"
  # shellcheck source=tests/pack/environment.sh
  reason=$(here=$root && . "$root/environment.sh" && why_tests_find_no_gpu "$op_tests")
else
  op_tests=$build/tests/kernels_tests_gpu
  [[ -x $build/switchyard && -x $op_tests ]] || wrong "$build has no GPU programs; build them: cmake --preset release" \
    "-DSY_TESTS=ON -DSY_GPU_TESTS=ON && cmake --build build --target switchyard gpu_tests"
  reason=$(why_tests_find_no_gpu "$op_tests")
fi
[[ -z $reason ]] || wrong "$reason"
mkdir -p "$out" || exit 2
out=$(cd "$out" && pwd)

say() { printf '%s\n' "$*" | tee -a "$out/summary.txt"; }
clocks=timestamp,clocks.sm,clocks.mem,power.draw,temperature.gpu,clocks_throttle_reasons.active
nvidia-smi --query-gpu=$clocks --format=csv --loop=1 >"$out/clocks.csv" 2>&1 &
sampler=$!
trap 'kill $sampler 2>/dev/null' EXIT

say "$(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader | paste -sd ';')"
say "$(date -u '+%Y-%m-%d %H:%M UTC'), at most $minutes minutes"
last=$((SECONDS + 60 * minutes - 10))  # a part that ignores the request to stop is killed 10 seconds later
shortest=5 least=10
passed=0 failed=0 skipped=0 late=0
for part in "${parts[@]}"; do
  name=${part%:*} begun=$SECONDS limit=$((${part#*:} * minutes / 10)) code=0
  [[ $only == ' ' || $only == *" $name "* ]] || continue
  if ((limit < least)); then limit=$least; fi
  if ((limit > last - SECONDS)); then limit=$((last - SECONDS)); fi
  log=$out/$name.log note=''
  if ((limit < shortest)); then
    code=77
    echo 'skipped: no time was left for it' >"$log"
  else
    timeout --kill-after=10 "$limit" "$root/benchmarks/gpu_parts.sh" "$name" "$out" "$limit" "$build" \
      >"$log" 2>&1 </dev/null || code=$?
    note=$(sed -n 's/^note: //p' "$log" | tail -n 1)
  fi
  case $code in
    0) result=passed passed=$((passed + 1)) ;;
    77) result=skipped skipped=$((skipped + 1)) note=$(sed -n 's/^skipped: //p' "$log" | tail -n 1) ;;
    124 | 137) result='timed out' late=$((late + 1)) ;;
    *) result=FAILED failed=$((failed + 1)) note="exit code $code${note:+, $note}; see $name.log" ;;
  esac
  say "$(printf '%-20s %-10s %4d s  %s' "$name" "$result" $((SECONDS - begun)) "$note")"
done
say "$passed passed, $failed failed, $late timed out, $skipped skipped, $SECONDS seconds"
((failed + late == 0))
