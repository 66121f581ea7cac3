#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `bench` reports where the time of a step goes, on either backend: the shares of all parts add up to the
# whole, and every part that this model has gets a share.
source "$(dirname "$0")/common.sh"

# Steps this small keep a GPU waiting for the host; elsewhere little time is spent between the parts.
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
assert abs(sum(share.values()) - 1) < 2e-3, "the shares do not add up to 1"
assert min(share.values()) >= 0, "a share is negative"
assert share["other"] <= most_other, f"more than {most_other} of the time belongs to no part"
# When most time is spent waiting for another rank, small parts may round to 0.
alone = ["gemm", "attention", "norm", "router", "dispatch", "loss", "optimizer"]
for part in alone if ranks == 1 else ["gemm", "attention", "communication"]:
    assert share[part] > 0, f"no time for {part}"
PYTHON
done
