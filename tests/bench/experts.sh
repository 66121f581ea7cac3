#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# experts.sh PROGRAM BACKEND: `bench --part experts` on the backend: its figures fit one another, and what it
# cannot measure it says with exit code 2.
set -euo pipefail
program=$1 backend=$2
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export OMP_NUM_THREADS=1
if [[ $backend == cuda && $program != *_hostcuda ]]; then
  # shellcheck source=tests/support/gpu_present.sh
  . "$root/tests/support/gpu_present.sh"
  reason=$(why_no_gpu)
  if [[ -n $reason ]]; then
    echo "skipped: $reason"
    exit 77
  fi
fi

fail() {
  echo "$*"
  exit 1
}

bench=("$program" bench "$root/configs/bench-256.yaml" --part experts --rounds 1)
for key in "backend=$backend" model.{vocab_size=256,d_model=32,d_kv=8,d_ff=64,encoder_layers=2,decoder_layers=2} \
  model.experts.{count=4,capacity_factor=1.25,group_sequences=2} data.encoder_length=32 train.micro_batch=8; do
  bench+=(--set "$key")
done

"${bench[@]}" --expert-ranks 2 --json | python3 -c '
import json, sys
bench = json.load(sys.stdin)
assert bench["backend"] == sys.argv[1] and bench["dtype"] == "float32" and bench["products"] == 6, bench
assert [stack["stack"] for stack in bench["stacks"]] == ["encoder", "decoder"], bench
for stack in bench["stacks"]:
    assert stack["experts"] == 2 and stack["sources"] == 2, stack
    assert stack["flops"] == 6 * 2 * 2 * stack["rows_per_expert"] * 32 * 64, stack
    for way in ["batched", "each"] + ["kernel"] * (sys.argv[1] == "cuda"):
        rate = stack["flops"] / stack[way + "_seconds"]
        assert abs(stack[way + "_flops_per_second"] / rate - 1) < 1e-4, stack
    assert abs(stack["ratio"] * stack["batched_seconds"] / stack["each_seconds"] - 1) < 1e-3, stack
# 8 sequences in groups of 2, of 32 tokens: int(2 * 32 * 1.25 / 4) places an expert and group, from 2 ranks.
assert bench["stacks"][0]["rows_per_expert"] == 2 * 4 * 20, bench
' "$backend"
text=$("${bench[@]}")
[[ $text == *encoder*"4 experts of 80 rows from 1 rank: batched"* ]] || fail "the text says something else: $text"

refuses() { # WORDS ARGUMENT...
  local words=$1 code=0 output
  shift
  output=$("${bench[@]}" "$@" 2>&1) || code=$?
  [[ $code == 2 && $output == *"$words"* ]] || fail "$*: exit code $code, $output"
}
refuses 'count is 0' --set model.experts.count=0
refuses dropless --set model.experts.capacity=dropless
refuses '3 does not divide model.experts.count, 4' --expert-ranks 3
