#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Steps whose loss leaps up are skipped, or undone together with the steps since the last checkpoint. Here noise of the
# batches is enough, at a learning rate at which nothing is learnt. A resumed run decides as one that was not interrupted.
source "$(dirname "$0")/common.sh"
last=24 middle=12
noise=(--set optimizer.learning_rate=0.0001 --set optimizer.spike_window=4 --set optimizer.spike_deviations=1
       --set train.checkpoint_every=3 --set train.eval_every=0)

for policy in skip rewind; do
  train 2 $policy "${noise[@]}" --set train.steps=$last --set optimizer.on_spike=$policy
  python3 "$here/check_spikes.py" $policy "$folder/$policy" 4 1
  train 2 halves_$policy "${noise[@]}" --set train.steps=$middle --set optimizer.on_spike=$policy
  train 2 halves_$policy "${noise[@]}" --set train.steps=$last --set optimizer.on_spike=$policy
  python3 "$here/compare_metrics.py" 0 "$folder/$policy/metrics.jsonl" "$folder/halves_$policy/metrics.jsonl"
done

# A checkpoint from which the next spike could not be recognised is none to go back to.
train 2 early "${noise[@]}" --set train.steps=21 --set optimizer.on_spike=rewind --set optimizer.spike_window=12 \
  --set train.checkpoint_every=11
grep -q "; the step is skipped" "$folder/early/log.txt"
if grep "weights and optimiser are again those of" "$folder/early/log.txt"; then
  exit 1
fi

# expect_stop NAME TEXT [--set ...]: the run fails with exit code 1 and says TEXT.
expect_stop() {
  local name=$1 text=$2 code=0
  shift 2
  train 2 "$name" "${noise[@]}" --set train.steps=$last --set optimizer.spike_deviations=0.001 "$@" || code=$?
  if ((code != 1)) || ! grep -q "$text" "$folder/$name.out"; then
    cat "$folder/$name.out"
    echo "$name: exit code $code, or not: $text"
    exit 1
  fi
}
expect_stop stops "after 0 skipped steps in a row, as many as optimizer.max_skipped_steps allows" \
  --set optimizer.on_spike=skip --set optimizer.max_skipped_steps=0
# The limit counts on over a restart, which meets the same step again.
limit=(--set optimizer.on_spike=skip --set optimizer.max_skipped_steps=2 --set train.checkpoint_every=1 --set train.steps=60)
for _ in first again; do
  expect_stop limited "after 2 skipped steps in a row" "${limit[@]}"
  grep -o "step [0-9]*: loss .* skipped steps in a row" "$folder/limited.out" >>"$folder/limited.stops"
done
[[ $(uniq "$folder/limited.stops" | wc -l) == 1 ]]
expect_stop gives_up "after 3 rewinds to $folder/gives_up/checkpoints/step-" \
  --set optimizer.on_spike=rewind --set optimizer.spike_deviations=0.6 --set train.checkpoint_every=10 \
  --set train.steps=40
