#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A shard has a bad stretch, which makes the loss leap up. With optimizer.on_spike the run goes past it without learning
# from it, and ends as well as one without the stretch; a run without the guard does not.
source "$(dirname "$0")/common.sh"
source "$here/bad_shard_common.sh"
eval=(--set train.eval_every=46 --set train.eval_sequences=64)

train 1 clean "${steps[@]}" "${eval[@]}" --set "data.train=[$folder/clean.json.gz]"
train 1 unguarded "${bad[@]}" "${eval[@]}" --set optimizer.on_spike=accept
for policy in skip rewind; do
  train 2 $policy "${bad[@]}" "${eval[@]}" --set optimizer.on_spike=$policy
  python3 "$here/bad_shard.py" skipped "$folder/$policy" "$switchyard"
done
[[ $(grep -c "weights and optimiser are again those of" "$folder/rewind/log.txt") == 1 ]]
python3 "$here/bad_shard.py" losses "$folder"/{clean,unguarded,skip,rewind}
