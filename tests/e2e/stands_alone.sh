#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A checkpoint is self-contained: after the tokenizer's file is deleted, infill, evaluate and convert use the copy
# in the checkpoint, and inspect lists the training shards.
source "$(dirname "$0")/common.sh"
cp "$tokenizer" "$folder/own.model"
own=(--set data.tokenizer="$folder/own.model" --set train.steps=2 --set train.eval_every=0)
train 2 run "${own[@]}"
checkpoint=$folder/run/checkpoints/step-00000002
cmp "$checkpoint/tokenizer.model" "$tokenizer"

# show OUT COMMAND ...: runs the program and keeps its output in OUT.out.
show() {
  local out=$folder/$1.out
  shift
  "$switchyard" "$@" >"$out" 2>&1
}
show there evaluate --checkpoint "$checkpoint" --json
show text infill --checkpoint "$checkpoint" --text "The <extra_id_0> barks." --max-length 4
rm "$folder/own.model"
show alone evaluate --checkpoint "$checkpoint" --json
diff "$folder/there.out" "$folder/alone.out"
show configured evaluate "$folder/tiny.yaml" --checkpoint "$checkpoint" --json
diff "$folder/there.out" "$folder/configured.out"
sed -i "s|tokenizer: .*, encoder|tokenizer: $folder/own.model, encoder|" "$folder/tiny.yaml"
show configured evaluate "$folder/tiny.yaml" --checkpoint "$checkpoint" --json
diff "$folder/there.out" "$folder/configured.out"
show again infill --checkpoint "$checkpoint" --text "The <extra_id_0> barks." --max-length 4
diff "$folder/text.out" "$folder/again.out"

show convert convert --from switchyard --to hf "$checkpoint" "$folder/hf"
cmp "$folder/hf/spiece.model" "$tokenizer"
show convert convert --from hf --to switchyard "$folder/hf" "$folder/back"
cmp "$folder/back/tokenizer.model" "$tokenizer"

show table inspect "$checkpoint" --verify
grep -q "^  file tokenizer.model  *$(stat --format=%s "$tokenizer") bytes" "$folder/table.out"
"$switchyard" inspect "$checkpoint" --json >"$folder/inspect.json"
python3 - "$folder/inspect.json" "$text"/c4-train.*.json.gz <<'PYTHON'
import json, os, sys
told = json.load(open(sys.argv[1]))
assert [file["name"] for file in told["files"]] == ["tokenizer.model"], told["files"]
shards = [(shard["path"], shard["bytes"]) for shard in told["data_shards"]]
assert shards == [(path, os.path.getsize(path)) for path in sys.argv[2:]], shards
print(len(shards), "data shards listed")
PYTHON
