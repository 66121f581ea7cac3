#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A study of two arms and two seeds on the build's text sample: trains each once, goes on with a run that was
# interrupted, and writes table, plot and evaluations; a study that is wrong is refused.
set -euo pipefail
switchyard=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/../support/sample.sh"
source "$here/../support/python_with.sh"
if ! python=$(python_with "yaml, matplotlib"); then
  echo "skipped: python3-yaml or python3-matplotlib is not installed (setup.sh --tests installs them)"
  exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

cat >"$folder/base.yaml" <<YAML
model: {d_model: 16, d_kv: 8, num_heads: 2, d_ff: 32, encoder_layers: 2, decoder_layers: 2}
data: {train: ["$sample/c4-train.*.json.gz"], validation: ["$sample/c4-validation.*.json.gz"],
       tokenizer: $sample/small.model, encoder_length: 16, streams: 2, shuffle_buffer: 8}
train: {steps: 6, global_batch: 4, micro_batch: 4, log_every: 3, eval_every: 3, eval_sequences: 4, checkpoint_every: 3}
YAML
cat >"$folder/small.yaml" <<YAML
title: Dense and sparse
source: none
configuration: base.yaml
set: {optimizer.warmup_steps: 100}
seeds: [1, 2]
arms:
  dense: {model.experts.count: 0}
  sparse: {model.experts.count: 2}
against: {label: experts, values: {dense: 1, sparse: 2}}
claims:
  - {kind: equal, arm: sparse, than: dense, within: 10, text: They are alike}
YAML

study() { "$python" "$here/../../studies/study.py" "$@" --binary "$switchyard" --output "$folder/out"; }
study "$folder/small.yaml" --only sparse >"$folder/first"
[[ $(grep -c ': done' "$folder/first") == 2 ]]
grep -q 'They are alike: \*\*open\*\*' "$folder/first"

# As if a run had been cut off after its first checkpoint, in the folder that the tool gives it.
dense=$("$python" - "$folder" "$here/../../studies" <<'PY'
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import runs, yaml
path = Path(sys.argv[1]) / "small.yaml"
print(runs.run_of(yaml.safe_load(path.read_text()), path, Path("x"), "dense", 1).folder.name)
PY
)
mkdir -p "$folder/out/runs"
"$switchyard" pretrain "$folder/base.yaml" --set run.directory="$folder/out/runs" --set run.name="$dense" --set run.seed=1 \
  --set model.experts.count=0 --set optimizer.warmup_steps=100 --set train.steps=3 >"$folder/cut" 2>&1
study "$folder/small.yaml" >"$folder/second"
[[ $(grep -c ': done' "$folder/second") == 2 ]]
grep -q 'resumed from' "$folder/out/runs/$dense/study.out"
grep -q 'They are alike: \*\*holds\*\*' "$folder/out/table.md"
grep -q '<svg' "$folder/out/plot.svg"
grep -q '<svg' "$folder/out/finals.svg"
for run in dense-1 dense-2 sparse-1 sparse-2; do [[ $(grep -c evaluation "$folder/out/$run.jsonl") == 3 ]]; done
study "$folder/small.yaml" >"$folder/third"
if grep ': done' "$folder/third"; then exit 1; fi

# Another study whose arms come to the same keys, by other words and of fewer steps, trains nothing new.
sed -e 's/set: .*/set: {optimizer: {warmup_steps: 100}, train.steps: 3}/' -e 's/dense: /plain: /; s/dense,/plain,/' "$folder/small.yaml" >"$folder/other.yaml"
study "$folder/other.yaml" >"$folder/fourth"
if grep ': done' "$folder/fourth"; then exit 1; fi
[[ $(grep -c evaluation "$folder/out/plain-1.jsonl") == 2 ]]
cmp <(tail -n +2 "$folder/out/plain-1.jsonl") <(tail -n +2 "$folder/out/dense-1.jsonl" | head -3)
# What was kept serves where the runs are not, unless the study asks for others by now.
mv "$folder/out/runs" "$folder/elsewhere"
study "$folder/other.yaml" --report >"$folder/fifth"
grep -q '| plain | 2 |' "$folder/fifth"
sed 's/warmup_steps: 100/warmup_steps: 50/' "$folder/other.yaml" >"$folder/changed.yaml"
study "$folder/changed.yaml" --report >"$folder/sixth"
grep -q '| plain | 0 |' "$folder/sixth"

# An arm that starts from a base, whose checkpoint is kept.
cat >"$folder/based.yaml" <<YAML
configuration: base.yaml
seeds: [1]
bases: {start: {model.experts.count: 2, optimizer.warmup_steps: 100, train.steps: 3}}
arms:
  fresh: {model.experts.count: 2}
  begun: {model.experts.count: 2, train.initialize_from: "{start}"}
YAML
study "$folder/based.yaml" >"$folder/seventh"
[[ $(grep -c ': done' "$folder/seventh") == 3 && $(head -n 1 "$folder/seventh") == 'based/start-1: done' ]]
grep -q 'weights initialised from .*step-00000003' "$folder"/out/runs/*/study.out
study "$folder/based.yaml" >"$folder/eighth"
if grep ': done' "$folder/eighth"; then exit 1; fi
sed 's/start: {/start: {run.threads: 1, /' "$folder/based.yaml" >"$folder/rebased.yaml"
study "$folder/rebased.yaml" >"$folder/ninth"
[[ $(grep -c ': done' "$folder/ninth") == 2 ]] # another base makes another arm

# A base that starts from another, and an arm that names a place within its folder.
cat >"$folder/chained.yaml" <<YAML
configuration: base.yaml
seeds: [1]
bases:
  start: {model.experts.count: 2, optimizer.warmup_steps: 100, train.steps: 3}
  further: {model.experts.count: 2, train.initialize_from: "{start}", train.steps: 3}
arms:
  begun: {model.experts.count: 2, train.initialize_from: "{further}/checkpoints/step-00000003"}
YAML
study "$folder/chained.yaml" >"$folder/tenth"
[[ $(grep ': done' "$folder/tenth") == $'chained/further-1: done\nchained/begun-1: done' ]]

sed 's/than: dense/than: denes/' "$folder/small.yaml" >"$folder/wrong.yaml"
code=0
study "$folder/wrong.yaml" 2>"$folder/error" || code=$?
[[ $code == 2 ]]
grep -q 'denes is no arm' "$folder/error"
