#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A run on a mesh of all three axes, and the commands that read its checkpoint: evaluate and infill (greedy and beams)
# give on several model ranks what they give on one rank; bench counts the tokens of a model group once; what does
# not divide is refused, all of it at once.
source "$(dirname "$0")/common.sh"
if ((most_ranks < 4)); then
  echo "skipped: fewer than four GPUs are visible"
  exit 77
fi
small=(--set train.steps=4 --set train.eval_every=0 --set train.checkpoint_every=4)
train 4 run "${small[@]}" --set mesh.expert=2 --set mesh.model=2
checkpoint=$folder/run/checkpoints/step-00000004

on() {
  local ranks=$1
  shift
  mpirun --oversubscribe --bind-to none --mca btl_vader_single_copy_mechanism none -n "$ranks" "$switchyard" "$@" \
    2>"$folder/last.out"
}
# same TOLERANCE A B: JSON lines with equal ids, and numbers that agree.
same() {
  python3 - "$@" <<'PYTHON'
import json, sys
tolerance = float(sys.argv[1])
a, b = ([json.loads(line) for line in open(path)] for path in sys.argv[2:])
assert a and len(a) == len(b), (len(a), len(b))
for x, y in zip(a, b):
    for key in x:
        if isinstance(x[key], float):
            assert abs(x[key] - y[key]) <= tolerance * max(1, abs(x[key])), (key, x[key], y[key])
        elif key != "log_probs":
            assert x[key] == y[key], (key, x[key], y[key])
PYTHON
}

on 1 evaluate --checkpoint "$checkpoint" --set mesh.model=1 --set mesh.expert=auto --json >"$folder/evaluate-1"
on 4 evaluate --checkpoint "$checkpoint" --json >"$folder/evaluate-4"
same 2e-5 "$folder/evaluate-1" "$folder/evaluate-4"

printf '%s\n' "The <extra_id_0> is near the <extra_id_1>." "A <extra_id_0> of many words." >"$folder/texts"
for strategy in greedy beam; do
  options=(--checkpoint "$checkpoint" --lines "$folder/texts" --json --strategy "$strategy" --max-length 8)
  [[ $strategy == greedy ]] || options+=(--beams 2)
  on 1 infill "${options[@]}" >"$folder/infill-1"
  for ranks in 2 4; do
    on "$ranks" infill "${options[@]}" >"$folder/infill-$ranks"
    same 1e-4 "$folder/infill-1" "$folder/infill-$ranks"
  done
done

# Tokens of a step; the two factors are rounded.
rate='import json, sys; b = json.load(sys.stdin)["step"]; print(round(b["tokens_per_second"] * b["step_seconds"]))'
tokens() {
  on "$1" bench "$folder/tiny.yaml" --json --rounds 1 --set mesh.model="$2" --set mesh.expert=auto | python3 -c "$rate"
}
one=$(tokens 1 1) two=$(tokens 2 2)
(((one - two) ** 2 < (one / 50) ** 2)) || { echo "$one tokens a step on one rank, $two on two model ranks" >&2; exit 1; }

code=0
on 3 pretrain "$folder/tiny.yaml" --set mesh.model=3 --set model.d_ff=128 >"$folder/last.out" || code=$?
[[ $code == 2 ]] || { echo "exit code $code" >&2; exit 1; }
for key in model.num_heads model.d_ff; do grep -q "mesh.model: 3 does not divide $key" "$folder/last.out"; done
