#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From a fresh checkout to a trained model: packages, build, text, tokenizer, training on two ranks,
# evaluation, the loss curve and sentences with their blanks filled. What is there already is kept,
# and a run that was stopped goes on, so it can be started again at any time.
#   quickstart.sh ["A sentence with <extra_id_0> and <extra_id_1>."]...
# A sentence may have 19 pieces, which is about a dozen words.
set -euo pipefail
cd "$(dirname "$0")"

for argument in "$@"; do
  case $argument in
    -h | --help) sed -n '3,7s/^# \?//p' quickstart.sh; exit 0 ;;
    -*) echo "quickstart.sh: unknown option '$argument'; it takes sentences, or --help" >&2; exit 2 ;;
  esac
done
# What stands in each blank hangs on the words around it.
if (($# == 0)); then
  set -- "The number <extra_id_0> rows in the table is shown." \
    "The function may <extra_id_0> called from interrupt context." \
    "It returns true <extra_id_0> the table exists, false otherwise." \
    "If you want <extra_id_0> install the package, use apt." \
    "The file is used as <extra_id_0> as the directory."
fi

config=configs/quickstart.yaml
tokenizer=data/sample/sentencepiece.model
switchyard=build/switchyard

step() { echo; echo "== $*"; }

step "Packages"
./setup.sh

step "Build"
cmake --preset release -DSY_TESTS=OFF
cmake --build build --target switchyard -j "$(nproc)"

step "Text"
# The validation shard is written last: where it is, the sample is whole.
if [[ -e data/sample/c4-validation.00000-of-00001.json.gz ]]; then
  echo "data/sample is there"
else
  data/make_sample.sh
fi

step "Tokenizer"
if [[ -e $tokenizer ]]; then
  echo "$tokenizer is there"
else
  $switchyard tokenizer train --shards 'data/sample/c4-train.*.json.gz' --output $tokenizer \
    --vocab-size 4000
fi

# mpirun counts whole cores and refuses root: neither matters to two ranks on one machine. Containers
# often forbid the one-copy path between processes, which Open MPI complains about and can do without.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_btl_vader_single_copy_mechanism=none
launch=(mpirun -n 2 --oversubscribe --bind-to none)

step "Training on two ranks"
"${launch[@]}" $switchyard pretrain $config

step "Evaluation on text that training has not seen"
"${launch[@]}" $switchyard evaluate $config

step "The loss curve"
./plot_loss.py runs/quickstart

step "Blanks filled, and the probability that the model gives to the words in brackets"
texts=()
for text in "$@"; do texts+=(--text "$text"); done
answers=$($switchyard infill $config --json "${texts[@]}")
python3 - "$answers" <<'PYTHON'
import json, math, re, sys

for line in sys.argv[1].splitlines():
    answer = json.loads(line)
    text, words = answer["text"], dict(re.findall(r"<extra_id_(\d+)>([^<]*)", answer["output"]))
    sentinel, blank, log_prob = answer["ids"][0], 0, {}  # <extra_id_0>; the others have the ids below
    for token, value in zip(answer["ids"], answer["log_probs"]):
        if sentinel - 100 < token <= sentinel:
            blank = sentinel - token
        else:
            log_prob[blank] = log_prob.get(blank, 0) + value
    for number in re.findall(r"<extra_id_(\d+)>", text):
        shown = words.get(number, "").strip()
        shown = f"[{shown}: {100 * math.exp(log_prob.get(int(number), 0)):.0f} %]"
        text = text.replace(f"<extra_id_{number}>", shown)
    print(text)
PYTHON

echo
echo "The run lies in runs/quickstart: config.yaml, log.txt, metrics.jsonl, loss.svg, checkpoints."
