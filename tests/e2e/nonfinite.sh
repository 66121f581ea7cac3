#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A learning rate that ruins the weights: the run stops with one message that names the step and the tensor, and
# earlier checkpoints stay intact; or, on request, it skips the steps and names them.
source "$(dirname "$0")/common.sh"
ten=(--set train.steps=10 --set train.eval_every=5 --set run.hang_timeout_seconds=60)
ruin=(--set optimizer.learning_rate=1e30)

fail() {
  cat "$folder/$run.out"
  echo "$1"
  exit 1
}

# The error messages, without the prefix that names the rank.
messages() {
  sed -n 's/^\(\[[^]]*\] \)\?error: //p' "$folder/$run.out"
}

for way in "1 adamw" "2 adafactor"; do
  read -r ranks optimizer <<<"$way"
  run=$optimizer
  here_too=("${ten[@]}" --set optimizer.name="$optimizer")
  train "$ranks" "$run" "${here_too[@]}"
  checkpoints=$folder/$run/checkpoints
  cp "$folder/$run/metrics.jsonl" "$folder/straight.jsonl"
  "$switchyard" inspect "$checkpoints/step-00000010" --verify >"$folder/straight.txt"
  rm -r "$checkpoints/step-00000010"

  # From step 5 on, step 6 ruins the weights; its checkpoint is being written when step 7 fails.
  code=0
  train "$ranks" "$run" "${here_too[@]}" "${ruin[@]}" --set train.checkpoint_every=1 || code=$?
  ((code == 1)) || fail "the exit code is $code"
  (($(messages | wc -l) == 1)) || fail "there is not exactly one message"
  messages | grep "^step 7: loss .* not finite; first non-finite gradient: shared/embedding: .*learning_rate" >/dev/null ||
    fail "the message does not name the step and the tensor"
  for step in 5 6; do
    "$switchyard" inspect "$checkpoints/step-0000000$step" --verify >"$folder/verify.txt" ||
      fail "the checkpoint of step $step is damaged"
  done
  [[ ! -e $checkpoints/step-00000007 ]] || fail "a step that failed has a checkpoint"

  # A run that resumes from before the failure shows no trace of it.
  train "$ranks" "$run" "${here_too[@]}" --resume "$checkpoints/step-00000005" || fail "the run does not resume"
  python3 "$here/compare_metrics.py" 0 "$folder/straight.jsonl" "$folder/$run/metrics.jsonl"
  "$switchyard" inspect "$checkpoints/step-00000010" --verify | diff "$folder/straight.txt" -

  run=$optimizer-skip
  train "$ranks" "$run" "${here_too[@]}" "${ruin[@]}" --set train.steps=4 \
    --set optimizer.on_nonfinite=skip || fail "a run that skips steps has failed"
  # On a GPU, step 3 has already started when the numbers of step 2 are read; step 2 must be named nevertheless.
  named='first non-finite gradient: shared\/embedding; the step is skipped'
  skipped=$(sed -n "s/^step \([0-9]*\): .* $named\$/\1/p" "$folder/$run.out" | xargs)
  [[ $skipped == "2 3 4" ]] || fail "steps said to be skipped, for shared/embedding's gradient: '$skipped'"

  run=$optimizer-limit
  code=0
  train "$ranks" "$run" "${here_too[@]}" "${ruin[@]}" --set optimizer.on_nonfinite=skip \
    --set optimizer.max_skipped_steps=2 || code=$?
  ((code == 1)) || fail "with more skipped steps than allowed the exit code is $code"
  messages | grep "^step 4: .*, after 2 skipped steps in a row" >/dev/null ||
    fail "the message does not say how many steps were skipped"
  echo "$ranks ranks, $optimizer: stopped, resumed, skipped steps $skipped"
done
