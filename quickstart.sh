#!/usr/bin/env bash
# From a fresh checkout to a trained model: packages, build, text, tokenizer, two ranks, evaluation
# and a sentence with its blanks filled. What is there already is kept, and a run that was stopped
# goes on, so it can be started again at any time.
#   quickstart.sh ["A sentence with <extra_id_0> and <extra_id_1>."]
set -euo pipefail
cd "$(dirname "$0")"

text=${1:-"The <extra_id_0> command shows the changes between the working tree and the <extra_id_1>."}
case $text in
  -*) sed -n '2,5s/^# \?//p' quickstart.sh; [[ $text == -h || $text == --help ]] && exit 0 || exit 2 ;;
esac

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
    --vocab-size 8000
fi

# mpirun counts whole cores and refuses root: neither matters to two ranks on one machine. Containers
# often forbid the one-copy path between processes, which Open MPI complains about and can do without.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_btl_vader_single_copy_mechanism=none
launch=(mpirun -n 2 --oversubscribe --bind-to none)

step "Training on two ranks"
"${launch[@]}" $switchyard pretrain $config

step "Evaluation"
"${launch[@]}" $switchyard evaluate $config

filled=$($switchyard infill $config --text "$text")
step "Done: the run lies in runs/quickstart (config.yaml, log.txt, metrics.jsonl, checkpoints)"
echo "$filled"
