#!/usr/bin/env bash
# Takes all that is to be known of this machine's GPU in one go, the most valuable first, from a build or from
# a packed folder (pack.sh), and leaves the results in a folder.
#   on_gpu.sh [OPTION...] OUT    OUT is made; it may exist and be empty
#     --minutes N      the limit of everything together (10); parts have their share of it
#     --build BUILD    where the programs lie in a source tree (build); a packed folder has its own
#     --only PART      this part alone; may be repeated
# OUT/summary.txt has a line a part, OUT/PART.log what it printed; docs/testing.md says what else there is.
# Exit codes: 0 nothing failed; 1 a part failed or ran out of its time; 2 wrong use, no GPU, or nothing built.
set -uo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
# shellcheck source=tests/support/gpu_present.sh
. "$root/tests/support/gpu_present.sh"

# Name and seconds of its share where all have 10 minutes. What a part leaves goes to those after it, so that
# the sum may be more.
parts=(doctor:30 tests:200 bench-512:30 bench-t5-base:60 bench-switch-base-8:80 experts:60
  memcheck:60 racecheck:60 synccheck:40 kernels:60 timeline:40)
known=" ${parts[*]%%:*} "

wrong() { echo "on_gpu.sh: $*" >&2; exit 2; }
minutes=10 build=$root/build out='' only=' '
while (($# > 0)); do
  case $1 in
    --minutes | --build | --only)
      (($# > 1)) || wrong "$1 needs a value"
      case $1 in
        --minutes) minutes=$2 ;;
        --build) build=$2 ;;
        --only)
          [[ $known == *" $2 "* ]] || wrong "no part '$2'; there are$known"
          only+="$2 "
          ;;
      esac
      shift
      ;;
    -h | --help) sed -n '2,9s/^# \?//p' "$0"; exit 0 ;;
    -*) wrong "unknown option '$1'; --help lists them" ;;
    *) [[ -z $out ]] || wrong "one folder, not '$out' and '$1'"; out=$1 ;;
  esac
  shift
done
[[ -n $out ]] || wrong "a folder for the results is needed; --help says more"
[[ $minutes =~ ^[1-9][0-9]*$ ]] || wrong "--minutes: '$minutes' is not a whole number above 0"
[[ ! -e $out || -z $(ls -A "$out" 2>&1) ]] || wrong "$out is not an empty folder"

reason=$(why_no_gpu)
[[ -z $reason ]] || wrong "$reason"
if [[ -f $root/environment.sh ]]; then
  op_tests=$root/tests/bin/kernels_tests_gpu
  [[ -x $op_tests ]] || wrong "this folder was packed without tests for GPUs"
  # shellcheck source=tests/pack/environment.sh
  reason=$(here=$root && . "$root/environment.sh" && why_tests_find_no_gpu "$op_tests")
else
  op_tests=$build/tests/kernels_tests_gpu
  [[ -x $build/switchyard && -x $op_tests ]] || wrong "$build has no programs for a GPU: cmake --preset release" \
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
last=$((SECONDS + 60 * minutes - 10))  # a part that does not stop is killed 10 seconds after it was told to
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
