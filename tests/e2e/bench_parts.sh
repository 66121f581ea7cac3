#!/usr/bin/env bash
# `bench` says where a step's time goes on either backend: the shares of all parts are the whole, and every
# part that this model has got one.
source "$(dirname "$0")/common.sh"

# Steps as small as these keep a GPU waiting for the host; else little lies between the parts.
most_other=0.3
[[ $backend == cuda && $hosted == no ]] && most_other=0.95

for variant in "1 adafactor factor" "2 adamw dropless"; do
  read -r ranks optimizer capacity <<<"$variant"
  ranks=$((ranks < most_ranks ? ranks : most_ranks))
  mpirun --oversubscribe --bind-to none --mca btl_vader_single_copy_mechanism none -n "$ranks" \
    "$switchyard" bench "$folder/tiny.yaml" --json --rounds 2 --set optimizer.name="$optimizer" \
    --set model.experts.capacity="$capacity" >"$folder/bench.json" 2>"$folder/bench.out"
  python3 - "$folder/bench.json" "$ranks" "$most_other" <<'PYTHON'
import json, sys
share = json.load(open(sys.argv[1]))["step"]["share"]
ranks, most_other = int(sys.argv[2]), float(sys.argv[3])
print(f"{ranks} ranks:", ", ".join(f"{part} {100 * value:.1f} %" for part, value in share.items()))
assert abs(sum(share.values()) - 1) < 2e-3, "the shares are not the whole"
assert min(share.values()) >= 0, "less than nothing"
assert share["other"] <= most_other, f"more than {most_other} is no part's"
# Beside waiting for another rank the small parts may be too short for the digits that are printed.
alone = ["gemm", "attention", "norm", "router", "dispatch", "loss", "optimizer"]
for part in alone if ranks == 1 else ["gemm", "attention", "communication"]:
    assert share[part] > 0, f"nothing for {part}"
PYTHON
done
