#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the full GPU suite, most valuable parts first, and leaves its results in a directory. Whatever happens to a part, it
# ends within the time limit. It works from a build and from a packed folder (pack.sh).
#   on_gpu.sh [OPTION...] OUT    OUT is created; it may exist if it is empty, or with --only
#     --minutes N      time limit for everything, packing of the results included (default 8)
#     --build BUILD    the build directory of a source tree (default build); a packed folder has its own programs
#     --only PARTS     run only these parts, separated by commas, in the usual order; may be repeated
# OUT/summary.txt has one line per part: its result, seconds, figures and the GPU's clocks. If parts are left, its last line
# is the command that runs them. OUT/results.tar.xz holds the output (PART.log) and the files of all parts, in at most
# 15 MiB; docs/testing.md describes them. Results that are in OUT already are kept.
# Exit codes: 0 nothing failed; 1 a part failed or ran out of time; 2 wrong usage, no GPU, or nothing built.
set -uo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
# shellcheck source=tests/support/gpu_present.sh
. "$root/tests/support/gpu_present.sh"
# shellcheck source=benchmarks/gpu_results.sh
. "$root/benchmarks/gpu_results.sh"

# Each part's name and its share in seconds when the limit is 8 minutes. Time that a part leaves unused goes to
# later parts, so the shares may add up to more.
parts=(doctor:30 ops:60 bench-switch-base-8:75 bench-t5-base:45 memcheck:45 peers:90 experts:45 kernels:60
  tests:150 bench-512:25 racecheck:45 synccheck:30 timeline:30)
known=" ${parts[*]%%:*} "

wrong() { echo "on_gpu.sh: $*" >&2; exit 2; }
minutes=8 build=$root/build out='' only=' '
while (($# > 0)); do
  case $1 in
    --minutes | --build | --only)
      (($# > 1)) || wrong "$1 needs a value; --help explains it"
      case $1 in
        --minutes) minutes=$2 ;;
        --build) build=$2 ;;
        --only)
          for name in ${2//,/ }; do
            [[ $known == *" $name "* ]] || wrong "unknown part '$name'; the parts are$known"
            only+="$name "
          done
          ;;
      esac
      shift
      ;;
    -h | --help)
      sed -n '1d; /^#/!q; /SPDX-/d; s/^# \?//p' "$0"
      echo "The parts are$known"
      exit 0
      ;;
    -*) wrong "unknown option '$1'; --help lists them" ;;
    *) [[ -z $out ]] || wrong "name one output directory, not both '$out' and '$1'"; out=$1 ;;
  esac
  shift
done
[[ -n $out ]] || wrong "name a directory for the results; --help explains the usage"
[[ $minutes =~ ^[1-9][0-9]*$ ]] || wrong "--minutes: '$minutes' is not a positive integer"
[[ ! -e $out || -z $(ls -A "$out" 2>&1) || (-d $out && $only != ' ') ]] ||
  wrong "$out is not an empty directory; name a new one, or the parts to add with --only"

reason=$(why_no_gpu)
[[ -z $reason ]] || wrong "$reason"
if [[ -f $root/environment.sh ]]; then
  op_tests=$root/tests/bin/kernels_tests_gpu
  [[ -x $op_tests ]] || wrong "this folder was packed without GPU tests; pack a build with a CUDA toolkit"
else
  op_tests=$build/tests/kernels_tests_gpu
  [[ -x $build/switchyard && -x $op_tests ]] || wrong "$build has no GPU programs; build them: cmake --preset release" \
    "-DSY_TESTS=ON -DSY_GPU_TESTS=ON && cmake --build build --target switchyard gpu_tests"
fi
reason=$(why_tests_find_no_gpu "$op_tests")
[[ -z $reason ]] || wrong "$reason"
mkdir -p "$out" || exit 2
out=$(cd "$out" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/on_gpu.XXXXXX") || exit 2
left=()
for part in "${parts[@]%%:*}"; do
  if [[ $only == ' ' || $only == *" $part "* ]]; then left+=("$part"); fi
done

say() { printf '%s\n' "$*" | tee -a "$out/summary.txt"; }
sampler='' running=''
finish() {
  local code=$?
  trap '' TERM INT HUP
  for process in $sampler $running; do kill "$process" 2>/dev/null; done
  if ((${#left[@]} > 0)); then
    say "to run the rest: $0 --only $(IFS=,; echo "${left[*]}") $out"
  fi
  cp "$out/summary.txt" "$work/"
  pack_results "$work" "$out"
  rm -rf "$work"
  exit $code
}
trap finish EXIT
trap 'exit 1' TERM INT HUP

fields=timestamp,clocks.sm,clocks.mem,power.draw,temperature.gpu
nvidia-smi --query-gpu=$fields --format=csv,noheader,nounits --loop=1 >"$work/clocks.csv" 2>&1 &
sampler=$!
say "$(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader | paste -sd ';')"
say "$(date -u '+%Y-%m-%d %H:%M UTC'), at most $minutes minutes"
last=$((60 * minutes - 25))  # then 5 seconds until a part that ignores the request to stop is killed, and 20 to pack
shortest=5 least=10
passed=0 failed=0 skipped=0 late=0
for part in "${parts[@]}"; do
  name=${part%:*} begun=$SECONDS limit=$((${part#*:} * minutes / 8)) code=0
  [[ " ${left[*]} " == *" $name "* ]] || continue
  if ((limit < least)); then limit=$least; fi
  if ((limit > last - SECONDS)); then limit=$((last - SECONDS)); fi
  log=$work/$name.log note='' samples=$(wc -l <"$work/clocks.csv") again=no
  if ((limit < shortest)); then
    code=77 again=yes
    echo 'skipped: no time was left for it' >"$log"
  else
    timeout --kill-after=5 "$limit" "$root/benchmarks/gpu_parts.sh" "$name" "$work" "$limit" "$build" \
      >"$log" 2>&1 </dev/null &
    running=$!
    wait $running || code=$?
    running=''
    note=$(sed -n 's/^note: //p' "$log" | tail -n 1)
  fi
  case $code in
    0) result=passed passed=$((passed + 1)) ;;
    77) result=skipped skipped=$((skipped + 1)) note=$(sed -n 's/^skipped: //p' "$log" | tail -n 1) ;;
    124 | 137) result='timed out' late=$((late + 1)) again=yes note=${note:-"last: $(tail -n 1 "$log")"} ;;
    *) result=FAILED failed=$((failed + 1)) note="exit code $code${note:+, $note}; see $name.log" ;;
  esac
  if [[ $again == no ]]; then
    remaining=" ${left[*]} "
    read -ra left <<<"${remaining/ $name / }"
  fi
  clocks=$(clocks_since "$work/clocks.csv" "$samples")
  say "$(printf '%-20s %-10s %4d s  %s' "$name" "$result" $((SECONDS - begun)) "$note${clocks:+ [$clocks]}")"
  sed -n 's/^table: /    /p' "$log" | while IFS= read -r line; do say "$line"; done
done
say "$passed passed, $failed failed, $late timed out, $skipped skipped, $SECONDS seconds"
((failed + late == 0))
