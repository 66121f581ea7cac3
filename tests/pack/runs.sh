#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# runs.sh BUILD: a folder packed by pack.sh runs after it was moved, with an empty environment and only its own
# libraries, alone and under its mpirun. Here cuBLASLt and NCCL are links, to avoid copying them. Skipped (77) without
# patchelf.
set -euo pipefail
command -v patchelf >/dev/null || { echo "skipped: patchelf is not installed (setup.sh --tests installs it)"; exit 77; }
build=$1
source=$(cd "$(dirname "$0")/../.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

fail() {
  echo "$*"
  exit 1
}

"$source/pack.sh" --build "$build" --link "$folder/packed"
mkdir "$folder/else where"
mv "$folder/packed" "$folder/else where/sy"
cd "$folder/else where/sy"

# Reads paths of libraries, one per line, and accepts only the folder's own and the C library's.
check_libraries() {
  local foreign
  foreign=$(grep -vF "$PWD/" | grep -vE '/(lib(c|m|mvec|dl|rt|pthread|util|resolv|cuda|nss_[a-z]*)\.so[.0-9]*|ld-linux.*)$' |
    sort -u || true)
  [[ -z $foreign ]] || fail "libraries from outside the folder: $foreign"
}

for program in bin/switchyard openmpi/bin/or* tests/bin/*; do
  if [[ -x $program ]]; then
    env -i bash -c "here=\$PWD; . ./environment.sh; LD_TRACE_LOADED_OBJECTS=1 $program"
  fi
done | sed -n 's/.* => \(.*\) (0x.*/\1/p' | check_libraries

# The loader does not list libraries that the program loads itself.
if ls lib/libcudart.so.* >/dev/null 2>&1; then
  ls lib/libcublasLt.so.* lib/libnccl.so.* >/dev/null || fail "cuBLASLt or NCCL is missing"
fi

[[ $(env -i ./switchyard --version) == switchyard\ * ]] || fail "--version does not print the version"
env -i ./switchyard config configs/quickstart.yaml >config.yaml
grep -q '^model:' config.yaml || fail "config prints no configuration"

cat >tiny.yaml <<'YAML'
model: {vocab_size: 256, d_model: 32, d_kv: 8, num_heads: 4, d_ff: 64, encoder_layers: 2, decoder_layers: 2,
        experts: {count: 4}}
data: {train: [none], validation: [none], encoder_length: 32}
train: {global_batch: 8, micro_batch: 4}
backend: cpu
YAML
bench=(./switchyard bench tiny.yaml --rounds 1 --json)
env -i OMP_NUM_THREADS=1 "${bench[@]}" | grep '"ranks": 1' >/dev/null || fail "one rank does not run"
# With the loader's log, since Open MPI loads its plugins at run time.
env -i OMP_NUM_THREADS=1 LD_DEBUG=files LD_DEBUG_OUTPUT="$PWD/loaded" \
  ./mpirun -n 2 --oversubscribe "${bench[@]}" | grep '"ranks": 2' >/dev/null || fail "two ranks do not run"
[[ $(cat loaded.*) == *mca_btl_vader.so* ]] || fail "the loader's log lacks the loaded plugins"
cat loaded.* | sed -n 's/.*calling init: //p' | check_libraries
if ! nvidia-smi -L >/dev/null 2>&1; then
  code=0
  ./run_tests.sh 2>message.txt || code=$?
  [[ $code == 2 && $(wc -l <message.txt) == 1 ]] || fail "run_tests.sh without a GPU: $code, $(cat message.txt)"
  code=0
  benchmarks/on_gpu.sh results >message.txt 2>&1 || code=$?
  [[ $code == 2 && $(wc -l <message.txt) == 1 && ! -e results ]] || fail "on_gpu.sh without a GPU: $code, $(cat message.txt)"
  [[ -x benchmarks/gpu_parts.sh && -x tests/bench/experts.sh ]] || fail "on_gpu.sh lacks its parts"
fi
