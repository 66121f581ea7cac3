#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A run gives the same losses on both backends, to rounding. Either backend resumes from a checkpoint of the
# other, and both evaluate it and generate from it.
source "$(dirname "$0")/common.sh"
steps=(--set train.steps=6 --set train.eval_every=3 --set train.checkpoint_every=3)

# on BACKEND RANKS NAME: trains to step 6, from the last checkpoint if there is one.
on() {
  train "$2" "$3" "${steps[@]}" --set backend="$1" --set precision="$precision"
}

# results BACKEND RUN: evaluates and generates from the checkpoint of step 6; prints two lines of JSON.
# shellcheck disable=SC2086
results() {
  local checkpoint=$folder/$2/checkpoints/step-00000006
  "$switchyard" evaluate --checkpoint "$checkpoint" --set backend="$1" --json
  "$switchyard" infill --checkpoint "$checkpoint" --set backend="$1" --json --max-length 8 $search \
    --text "The <extra_id_0> of the <extra_id_1>."
}

for variant in "float32 2e-5 --strategy sample --seed 5" "bfloat16 5e-3 --strategy beam"; do
  read -r precision tolerance search <<<"$variant"
  for backend in cpu cuda; do
    on $backend 2 "$precision-$backend"
    grep -q "^backend: $backend" "$folder/$precision-$backend.out"
  done
  straight=$folder/$precision-cpu/metrics.jsonl
  echo "$precision, cpu and cuda:"
  python3 "$here/compare_metrics.py" "$tolerance" "$straight" "$folder/$precision-cuda/metrics.jsonl"
  for way in "cpu cuda" "cuda cpu"; do
    read -r first second <<<"$way"
    run=$precision-$first-then-$second
    cp -r "$folder/$precision-$first" "$folder/$run"
    rm -r "$folder/$run/checkpoints/step-00000006"
    on "$second" 1 "$run"
    grep -q "^resumed from $folder/$run/checkpoints/step-00000003 " "$folder/$run.out"
    echo "$precision, $first, then $second on another number of ranks:"
    python3 "$here/compare_metrics.py" "$tolerance" "$straight" "$folder/$run/metrics.jsonl"
  done
  for backend in cpu cuda; do
    results $backend "$precision-cuda" >"$folder/results-$backend.json" 2>"$folder/results-$backend.out"
  done
  python3 - "$tolerance" "$folder"/results-{cpu,cuda}.json <<'PYTHON'
import json, sys
tolerance = float(sys.argv[1])
cpu, cuda = ([json.loads(line) for line in open(path)] for path in sys.argv[2:])
assert len(cpu) == len(cuda) == 2
assert cpu[1]["ids"] and cpu[1]["ids"] == cuda[1]["ids"], "the backends fill the blanks differently"
for number, of in (("loss", 0), ("score", 1)):
    a, b = cpu[of][number], cuda[of][number]
    print(f"{number} {a:.6f} on the CPU, {b:.6f} with CUDA")
    assert abs(a - b) <= tolerance * abs(a), f"more than {tolerance}"
PYTHON
done
