#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# thin.sh BUILD: the archive of pack.sh --thin has less than 48 MiB, and what is in it runs where it was unpacked: the program
# on the CPU, the GPU tests' programs as far as saying that there is no GPU. It holds neither cuBLASLt nor NCCL, and the
# environment of its scripts leads no other program to its libraries. Skipped (77) without patchelf, xz or the GPU tests.
set -euo pipefail
build=$1
source=$(cd "$(dirname "$0")/../.." && pwd)
for tool in patchelf xz; do
  command -v $tool >/dev/null || { echo "skipped: $tool is not installed (setup.sh --tests installs it)"; exit 77; }
done
for program in $(grep -o "$build/tests/[a-z_0-9]*_gpu" "$build/gpu_tests.txt" 2>/dev/null | sort -u); do
  [[ -x $program ]] || { echo "skipped: $program is not built; build the target gpu_tests"; exit 77; }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

fail() {
  echo "$*"
  exit 1
}

"$source/pack.sh" --build "$build" --thin "$folder/sy.tar.xz"
[[ $(ls "$folder") == sy.tar.xz ]] || fail "it leaves more than the archive: $(ls "$folder")"
bytes=$(wc -c <"$folder/sy.tar.xz")
((bytes < 48 << 20)) || fail "the archive has $bytes bytes"
mkdir "$folder/else where"
tar -C "$folder/else where" -xJf "$folder/sy.tar.xz"
cd "$folder/else where/sy"
[[ -z $(ls lib | grep -E 'libcublas|libnccl' || true) ]] || fail "cuBLASLt or NCCL is in the archive"
[[ -z $(env -i bash -c "here=\$PWD; . ./environment.sh; env" | grep ^LD_ || true) ]] || fail "the environment changes the loader"

cat >tiny.yaml <<YAML
run: {name: tiny, directory: "$PWD/runs"}
model: {d_model: 32, d_kv: 8, num_heads: 4, d_ff: 64, encoder_layers: 2, decoder_layers: 2, experts: {count: 4}}
data: {train: ["tests/sample/c4-train.*.json.gz"], validation: ["tests/sample/c4-validation.*.json.gz"],
       tokenizer: tests/sample/small.model, encoder_length: 32, streams: 4, shuffle_buffer: 32}
train: {steps: 1, global_batch: 8, micro_batch: 8, log_every: 1, eval_every: 0, checkpoint_every: 0}
backend: cpu
YAML
env -i OMP_NUM_THREADS=1 ./switchyard pretrain tiny.yaml >out.txt || fail "it does not train: $(cat out.txt)"
grep -q '"step"' runs/tiny/metrics.jsonl || fail "the step left no metrics"

# Its GPU tests are complete. (What they find on a GPU, only a GPU tells.)
if [[ -s tests/list.txt ]]; then
  cut -f 2- tests/list.txt | tr '\t' '\n' | grep -E '/|^switchyard$' | grep -v '^\[' | sort -u >files.txt
  while read -r file; do [[ -x $file ]] || fail "tests/list.txt names $file, which is not there"; done <files.txt
fi
nvidia-smi -L >/dev/null 2>&1 && exit 0
for program in tests/bin/*; do
  code=0
  env -i "$program" --list-tags >out.txt 2>&1 || code=$?
  [[ $code == 77 ]] || fail "$program without a GPU: exit code $code, $(cat out.txt)"
done
code=0
env -i PATH=/usr/bin:/bin benchmarks/on_gpu.sh results >out.txt 2>&1 || code=$?
[[ $code == 2 && $(wc -l <out.txt) == 1 && ! -e results ]] || fail "on_gpu.sh without a GPU: $code, $(cat out.txt)"
