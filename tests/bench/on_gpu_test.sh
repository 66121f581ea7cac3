#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# on_gpu.sh with stand-ins for the GPU, the programs and the tools: what it reports for a part that passes,
# fails, lacks its tool, hangs or has no time left, that none of these stops the other parts, and that the results are
# packed whatever happens.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder"/{bin,build/tests}
export CUDA_HOME=$folder/none  # no tools but the stand-ins
# The system's basic commands, but none of the GPU tools.
for command in awk bash cat cp cut date dirname env find grep head kill ls mkdir mktemp paste printf readlink rm sed \
  sleep sort tail tar tee timeout tr wc xz; do
  ln -s "$(type -P "$command")" "$folder/bin/"
done
python=$(python3 -c 'import sys; print(sys.executable)')
export PATH=$folder/bin

fail() {
  echo "$*"
  if [[ -e $folder/text ]]; then cat "$folder/text"; fi
  exit 1
}

stand_in() { # NAME BODY
  printf '#!%s\n%s\n' "$folder/bin/bash" "$2" >"$folder/$1"
  chmod() { command -p chmod "$@"; }
  chmod +x "$folder/$1"
}

# run CODE ARGUMENT...: expects on_gpu.sh to exit with CODE; sets $text to its output. Its results are unpacked to
# $folder/found. With $keep set they are added to those of the run before.
run() {
  local expected=$1 code=0
  shift
  [[ -n ${keep:-} ]] || rm -rf "$folder/out"
  rm -rf "$folder/found" && mkdir "$folder/found"
  bash "$here/../../benchmarks/on_gpu.sh" --build "$folder/build" "$@" "$folder/out" >"$folder/text" 2>&1 || code=$?
  text=$(<"$folder/text")
  [[ $code == "$expected" ]] || fail "on_gpu.sh $*: exit code $code instead of $expected"
  if [[ -e $folder/out/results.tar.xz ]]; then unpack; fi
}
unpack() {
  tar -C "$folder/found" -xJf "$folder/out/${1:-results.tar.xz}" || fail "the results cannot be unpacked"
}

says() { [[ $text =~ $1 ]] || fail "the output lacks: $1"; }
refuses() { # WORDS ARGUMENT...: expects a one-line message and no output directory
  run 2 "${@:2}"
  says "$1"
  [[ $(wc -l <"$folder/text") == 1 && ! -e $folder/out ]] || fail "more than one line, or an output directory was made"
}

stand_in bin/python3 "exec $python -S \"\$@\""  # which a manager of versions may have made a script

refuses 'no NVIDIA driver is installed'
stand_in bin/nvidia-smi 'echo "No devices were found"; exit 6'
refuses 'nvidia-smi finds no GPU'
# shellcheck disable=SC2016  # the stand-in's own $1
stand_in bin/nvidia-smi 'case "$*" in
  -L) echo "GPU 0: Stand-in (UUID: GPU-0)" ;;
  *--loop=1) while :; do echo "2026/01/01 00:00:00.000, 1755, 2619, 650.25, 60"; sleep 0.1; done ;;
  *) echo "Stand-in, 580.00, 81559 MiB" ;;
esac'
refuses 'has no GPU programs; build them: cmake'
step='{"step": {"step_seconds": 0.0625, "tokens_per_second": 641024, "mfu": 0.41, "mfu_of_peak": 0.36, "share": {"gemm": 0.8, "other": 0.2}}, "step_over_dense_twin": 1.15}'
stand_in build/switchyard 'case "$*" in
  *doctor*) echo "GPU GEMM             bfloat16: 700.0 TFLOP/s a rank"; echo healthy ;;
  *experts*) echo "{\"stacks\": [{\"ratio\": 1.2}, {\"ratio\": 1.4}]}" ;;
  *micro_batch=128*) echo "out of memory" >&2; exit 1 ;;
  *) echo '"'$step'"' ;;
esac'
stand_in build/tests/kernels_tests_gpu 'echo "skipped: no CUDA driver is installed" >&2; exit 77'
refuses 'the tests find no GPU \(no CUDA driver is installed\)'
stand_in build/tests/kernels_tests_gpu 'echo "All tests passed"'
refuses "the parts are doctor" --only doctor,wheel
refuses 'not a positive integer' --minutes 0

# --help prints the header comment, and nothing of the code.
help=$(bash "$here/../../benchmarks/on_gpu.sh" --help)
[[ $help == *'--minutes N'*'Exit codes: 0'* && $help != *SPDX* && $help != *pipefail* ]] || fail "--help prints: $help"

# All is well, except that two tools are missing and one refuses the device.
stand_in bin/ctest 'echo "100% tests passed, 0 tests failed out of 3"'
stand_in bin/compute-sanitizer 'case "$*" in
  *racecheck*) echo "Error: Device not supported" ; exit 1 ;;
  *) shift 6; exec "$@" ;;
esac'
run 0
says 'Stand-in, 580.00, 81559 MiB'
says 'doctor +passed .*GPU GEMM bfloat16: 700.0 TFLOP/s'
says 'tests +passed .*100% tests passed'
says 'doctor +passed .*\[SM 1755 MHz, 650.25 W\]'
says 'ops +passed .*All tests passed'
says 'bench-t5-base +passed .*32 sequences: step 0.0625 s, 641024 tokens/s, MFU 0.41, of the peak 0.36'
says 'bench-switch-base-8 +passed .*64 sequences.*step time over dense baseline 1.15'
says 'predicted 0.0[0-9]+ s \(H100\), measured / predicted [01]\.[0-9]+'
says 'gemm +[0-9.]+ +50.00 +[0-9.]+'
says 'peers +skipped .*cannot import'
says 'experts +passed .*8: 1.2, 1.4; 16-of-128: 1.2, 1.4; 128: 1.2, 1.4'
says 'memcheck +passed .*clean: bfloat16 grouped_gemm dispatch .* adafactor'
says 'racecheck +skipped .*refuses this device'
says 'kernels +skipped .*there is no ncu'
says 'timeline +skipped .*there is no nsys'
says '9 passed, 0 failed, 0 timed out, 4 skipped'
[[ $text != *'run the rest'* ]] || fail "something is left to run"
[[ $(<"$folder/out/summary.txt") == "$text" ]] || fail "summary.txt differs from the output"
[[ $(ls "$folder/out") == $'results.tar.xz\nsummary.txt' ]] || fail "more files than two: $(ls "$folder/out")"
[[ $(<"$folder/found/summary.txt") == "$text" && -s $folder/found/doctor.log && -s $folder/found/clocks.csv ]] || fail "incomplete results"
[[ -s $folder/found/bench-switch-base-8-64.json && ! -e $folder/found/bench-switch-base-8-128.json ]] || fail "wrong result files of bench-switch-base-8"
# What is worth most comes first.
order=$(grep -oE '^[a-z0-9-]+ +(passed|skipped)' <<<"$text" | tr -s ' ' | cut -d ' ' -f 1 | paste -sd ' ')
[[ $order == 'doctor ops bench-switch-base-8 bench-t5-base memcheck peers '* ]] || fail "the order is $order"

# --only adds to what is there.
keep=yes run 0 --only timeline,doctor
[[ $(grep -c '^doctor ' "$folder/out/summary.txt") == 2 ]] || fail "summary.txt is not continued"
unpack results-2.tar.xz
[[ ! -e $folder/out/results-3.tar.xz ]] || fail "too many archives"

# A sanitizer finds an error, a test suite fails, and a model does not run.
stand_in bin/ctest 'echo "67% tests passed, 1 tests failed out of 3"; exit 8'
stand_in bin/compute-sanitizer 'case "$*" in *dispatch*) echo "Invalid __global__ write"; exit 1 ;; esac'
stand_in build/switchyard 'case "$*" in *doctor*) echo "CUDA   not used: an old driver"; echo healthy ;; *) echo "cannot" >&2; exit 1 ;; esac'
run 1
says 'doctor +FAILED'
says 'tests +FAILED .*exit code 8, 67% tests passed'
says 'bench-512 +FAILED'
says 'experts +FAILED'
says 'memcheck +FAILED .*clean: bfloat16 grouped_gemm router .*NOT CLEAN: dispatch'
says 'timeline +skipped'
grep -q 'Invalid __global__ write' "$folder/found/memcheck.log" || fail "memcheck.log lacks the sanitizer's output"

# ncu's table: counters are collected for the longest of our own kernels; the library's kernels are only listed.
stand_in bin/ncu 'case "$*" in
  *bench*) case "$*" in *--clock-control\ none*) ;; *) echo "would lock the clocks"; exit 1 ;; esac ;;
esac
case "$*" in
  *gpu__time_duration*) cat <<CSV
==PROF== Connected
"ID","Kernel Name","Block Size","Metric Name","Metric Unit","Metric Value"
"0","nvjet_tst","(128, 1, 1)","gpu__time_duration.sum","ns","2,000,000"
"1","map_kernel","(128, 1, 1)","gpu__time_duration.sum","ns","1,000"
"2","gather_kernel","(128, 1, 1)","gpu__time_duration.sum","ns","700"
"3","map_kernel","(128, 1, 1)","gpu__time_duration.sum","ns","1,500"
CSV
    ;;
  *"--kernel-name map_kernel"*) echo "counters" ;;
  *) echo "==ERROR== ERR_NVGPUCTRPERM" ; exit 1 ;;
esac'
run 0 --only kernels
says 'kernels +skipped .*lets only root'
[[ $(<"$folder/found/kernels.txt") == $'0.002000 1 nvjet_tst\n0.000003 2 map_kernel\n0.000001 1 gather_kernel' ]] ||
  fail "kernels.txt: $(<"$folder/found/kernels.txt")"
grep -q counters "$folder/found/ncu-map_kernel.txt" || fail "no counters"

# Results that are too long lose their longest files.
stand_in build/switchyard "cd \"\$TMPDIR\"/on_gpu.*/ && head -c 200000 /dev/urandom >noise; echo healthy"
TMPDIR=$folder ON_GPU_MOST_BYTES=100000 run 0 --only doctor
(($(wc -c <"$folder/out/results.tar.xz") <= 100000)) || fail "the results are too long"
grep -q noise "$folder/found/left-out.txt" || fail "left-out.txt does not name what was left out"

# A part that hangs is stopped together with everything it started, and the next part runs.
stand_in bin/ctest "echo begun; sleep 987654 & echo \$! >'$folder/pid'; wait"
stand_in build/switchyard 'echo healthy'
gone() {
  for _ in {1..50}; do
    if ! kill -0 "$(<"$folder/pid")" 2>/dev/null; then return; fi
    sleep 0.1
  done
  fail "a process that the stopped part had started is still running"
}
run 1 --minutes 1 --only doctor --only tests --only timeline
says 'tests +timed out +(18|19|2[0-9]) s +last: begun'
says 'timeline +skipped'
says 'doctor +passed'
says 'run the rest: .*--only tests '
gone

# Stopped from outside, it packs what there is and says what is left.
rm -rf "$folder/out" "$folder/found" "$folder/pid"
mkdir "$folder/found"
bash "$here/../../benchmarks/on_gpu.sh" --build "$folder/build" --only doctor,tests,timeline "$folder/out" >"$folder/text" 2>&1 &
while [[ ! -s $folder/pid ]]; do sleep 0.1; done
kill $!
code=0
wait $! || code=$?
text=$(<"$folder/text")
[[ $code == 1 ]] || fail "stopped, it exits with $code"
says 'doctor +passed'
says 'run the rest: .*--only tests,timeline '
unpack
[[ -e $folder/found/tests.log ]] || fail "the stopped part's log is missing"
gone
