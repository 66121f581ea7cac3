#!/usr/bin/env bash
# A run that is killed again and again, and once stopped by a signal, ends with the same metrics and the
# same checkpoint, bit for bit, as one that is left alone.
source "$(dirname "$0")/common.sh"
train 2 straight
for attempt in 1 2 3; do
  train 2 broken &
  launcher=$!
  sleep "$((attempt + 1)).$((RANDOM % 10))"
  pkill -9 -n -f "pretrain $folder/tiny.yaml --set run.name=broken" || true
  wait "$launcher" || true
done
(sleep 2 && pkill -USR1 -f "switchyard pretrain $folder/tiny.yaml --set run.name=broken") &
code=0
train 2 broken || code=$?
wait
if ((code != 0 && code != 75)); then
  cat "$folder/broken.out"
  echo "after SIGUSR1 the exit code is $code"
  exit 1
fi
train 2 broken
python3 "$here/compare_metrics.py" 0 "$folder/straight/metrics.jsonl" "$folder/broken/metrics.jsonl"
for run in straight broken; do
  "$switchyard" inspect "$folder/$run/checkpoints/step-00000020" --verify >"$folder/$run.txt"
done
diff "$folder/straight.txt" "$folder/broken.txt"
python3 - "$folder"/{straight,broken}/checkpoints/step-00000020/manifest.json <<'PYTHON'
import json, sys
straight, broken = (json.load(open(path))["tensors"] for path in sys.argv[1:])
assert straight and straight == broken, "checksums of tensors differ"
print(len(straight), "tensors with the same bytes")
PYTHON
