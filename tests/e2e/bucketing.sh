#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# data.bucket_batches: every mesh gives the same numbers, a window holds the examples that come without buckets, and a
# run that goes on within a window ends with the same bits.
source "$(dirname "$0")/common.sh"
python3 - "$folder/copy.jsonl" <<'PYTHON'
import json, random, sys
draw = random.Random(1)
with open(sys.argv[1], "w", encoding="utf-8") as file:
    for _ in range(200):
        letters = "".join(draw.choices("abcdefgh", k=draw.randint(1, 60)))
        file.write(json.dumps({"input": "copy: " + letters, "target": letters[:draw.randint(1, 16)]}) + "\n")
PYTHON
tasks=(--set "data.tasks=[{name: copy, form: jsonl, train: [$folder/copy.jsonl], validation: [$folder/copy.jsonl]}]"
       --set data.tokenizer=bytes --set data.encoder_length=72 --set data.decoder_length=20 --set train.eval_every=5)
whole=("${tasks[@]}" --set data.bucket_batches=4 --set train.steps=10)
train 1 alone "${whole[@]}"
grep -q "a multiple of 8 up to 72 for inputs, a multiple of 8 up to 20 for targets" "$folder/alone.out"
train 1 unsorted "${tasks[@]}" --set train.steps=10
python3 - "$folder"/{alone,unsorted}/metrics.jsonl <<'PYTHON'
import json, sys
alone, unsorted = ({line["step"]: line["tokens"] for line in map(json.loads, open(path)) if line["kind"] == "train"}
                   for path in sys.argv[1:])
for window in (4, 8):
    assert alone[window] == unsorted[window], (window, alone, unsorted)
assert alone[1] != unsorted[1] and alone[6] != unsorted[6], (alone, unsorted)
PYTHON

train 2 straight "${whole[@]}" --set mesh.zero_stage=1 --set data.loader_threads=2
python3 "$here/compare_metrics.py" 2e-5 "$folder"/{alone,straight}/metrics.jsonl
train 2 by_rows "${whole[@]}" --set mesh.model=2 --set mesh.sequence_parallel=true --set train.recompute=blocks
python3 "$here/compare_metrics.py" 2e-5 "$folder"/{alone,by_rows}/metrics.jsonl

train 2 resumed "${whole[@]}" --set mesh.zero_stage=1 --set train.steps=5
train 2 resumed "${whole[@]}" --set mesh.zero_stage=1
grep -q "resumed from" "$folder/resumed.out"
python3 "$here/compare_metrics.py" 0 "$folder"/{straight,resumed}/metrics.jsonl

# Examples come in another order without buckets: refused by the keys, and nothing is touched.
code=0
train 2 resumed "${whole[@]}" --set mesh.zero_stage=1 --set data.bucket_batches=1 --set data.packing=true || code=$?
((code == 2))
for change in "bucket_batches: 4 -> 1" "packing: false -> true"; do
  grep -q "error:   data.$change\$" "$folder/resumed.out"
done
grep -q "bucket_batches: 4" "$folder/resumed/config.yaml"

end=checkpoints/step-00000010
python3 - "$folder"/{straight,resumed}/"$end"/manifest.json <<'PYTHON'
import json, sys
straight, resumed = (json.load(open(path))["tensors"] for path in sys.argv[1:])
assert straight and straight == resumed, "checksums of tensors differ"
PYTHON
