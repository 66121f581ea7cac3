#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# gpu_peers.sh PROGRAM: the peers that on_gpu.sh races take their turns, here on the CPU and at tiny sizes, and report
# plausible figures beside Switchyard's. The Python that has torch is $SWITCHYARD_TORCH_PYTHON, or else python3.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
peers=$here/../../benchmarks/race/gpu_peers.py
python=${SWITCHYARD_TORCH_PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
echo '{"step": {"tokens_per_second": 1000}}' >"$folder/bench-t5-base-4.json"

small=()
for key in model.{vocab_size=256,d_model=32,d_kv=8,num_heads=4,d_ff=64,encoder_layers=2,decoder_layers=2} \
  data.encoder_length=32; do
  small+=(--set "$key")
done
code=0
OMP_NUM_THREADS=1 "$python" "$peers" --switchyard "$1" --device cpu --sequences 4 --rounds 1 --seconds 250 "${small[@]}" \
  --beside "$folder" --json "$folder/peers.json" >"$folder/text" || code=$?
cat "$folder/text"
if [[ $code == 77 ]]; then
  [[ $(wc -l <"$folder/text") == 1 ]] || { echo "more than one line"; exit 1; }
  exit 77
fi
[[ $code == 0 ]] || exit 1
tail -n 1 "$folder/text" | grep -q 'note: t5-base: transformers .*, Switchyard 1000 (.*switch-base-8: transformers'
"$python" - "$folder/peers.json" <<'PYTHON'
import json
import sys

found = json.load(open(sys.argv[1], encoding="utf-8"))
assert len(found["steps"]) == 4 and len(found["experts"]) == 2 and len(found["attention"]) == 3, found
length = {"encoder": 32, "decoder": round(found["steps"]["t5-base, autocast"]["tokens_per_second"] *
                                          found["steps"]["t5-base, autocast"]["seconds"] / 4) - 32}
for name, step in found["steps"].items():
    assert step["sequences"] == 4 and step["seconds"] > 0, (name, step)
for stack, of in found["experts"].items():
    # Sequences in one group, as many places an expert as Switchyard's capacity_factor of 1.25 gives.
    assert of["rows_per_expert"] == max(4, int(4 * length[stack] * 1.25 / 8)), (stack, of, length)
    assert of["flops"] == 6 * 2 * 8 * of["rows_per_expert"] * 32 * 64, (stack, of)
    assert of["each_seconds"] > 0 and of["batched_seconds"] > 0, (stack, of)
for kind, of in found["attention"].items():
    queries, keys = (length["encoder" if kind == "encoder" else "decoder"], length["decoder" if kind == "decoder" else "encoder"])
    assert of["shape"] == [4, 4, queries, keys, 8] and 0 < of["forward_seconds"], (kind, of)
PYTHON
