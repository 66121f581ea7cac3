#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Only one rank, the last, gets a signal to stop: all ranks stop after the same step, with its checkpoint committed
# and exit code 75, and the run resumes from there. One of the runs is long enough for the time of a step to be planned.
source "$(dirname "$0")/common.sh"
ways="1:TERM 2:USR1 4:TERM"
if [[ $hosted == yes ]]; then ways="2:TERM"; fi

fail() {
  cat "$folder/$run.out"
  echo "$run: $1"
  exit 1
}

# pid_of RANK: the process of this rank of the run.
pid_of() {
  local pid
  for pid in $(pgrep -f "^$switchyard pretrain $folder/tiny.yaml --set run.name=$run "); do
    if tr '\0' '\n' <"/proc/$pid/environ" | grep -x "OMPI_COMM_WORLD_RANK=$1" >/dev/null; then echo "$pid"; fi
  done
}

for way in $ways; do
  ranks=${way%:*} signal=${way#*:}
  if ((ranks > most_ranks)); then continue; fi
  run=stop-$ranks
  given=(--set train.checkpoint_every=0 --set train.eval_every=0 --set run.hang_timeout_seconds=20)
  steps=1000
  if ((ranks == 2)); then steps=1000000000; fi
  train "$ranks" "$run" "${given[@]}" --set train.steps=$steps &
  launcher=$!
  until grep -q "^step 3/" "$folder/$run.out" 2>/dev/null; do
    kill -0 "$launcher" 2>/dev/null || fail "the run ended by itself"
    sleep 0.02
  done
  kill "-$signal" "$(pid_of $((ranks - 1)))"
  code=0
  wait "$launcher" || code=$?
  ((code == 75)) || fail "after SIG$signal to rank $((ranks - 1)) the exit code is $code"
  step=$(sed -n 's/^stopped by .* after step \([0-9]*\): .*/\1/p' "$folder/$run.out")
  [[ $step =~ ^[0-9]+$ ]] || fail "there is not exactly one line that names the step after which it stopped: '$step'"
  name=$(printf 'step-%08d' "$step")
  [[ $(ls "$folder/$run/checkpoints") == "$name" ]] || fail "checkpoints: $(ls "$folder/$run/checkpoints")"
  "$switchyard" inspect "$folder/$run/checkpoints/$name" --verify >"$folder/verify.txt" ||
    fail "the checkpoint is damaged"
  tail -n 1 "$folder/$run/metrics.jsonl" | grep -q "\"step\": $step," ||
    fail "the last line of metrics.jsonl is not of step $step"

  if [[ $backend != cpu ]]; then
    : # a GPU's data sheet is always at hand
  elif ((ranks == 2)); then
    grep -q "^planned: [0-9.e-]* s a step, .*; measured; between_hosts assumed)$" "$folder/$run.out" || fail "no planned step"
    grep -q "^a step took [0-9.e-]* s on average, [0-9.e-]* were planned: " "$folder/$run.out" || fail "no step that was found"
  elif grep -q "planned: \|were planned" "$folder/$run.out"; then
    fail "the time of a step is planned for a short run"
  fi

  train "$ranks" "$run" "${given[@]}" --set train.steps=$((step + 2)) || fail "the run does not resume"
  grep -q "^resumed from .*/$name at step $step\$" "$folder/$run.out" || fail "it resumes from another checkpoint"
  [[ $(grep -c "" "$folder/$run/metrics.jsonl") == $((step + 2)) ]] ||
    fail "metrics.jsonl does not have one line per step"
  echo "$ranks ranks: stopped after step $step and resumed"
done
