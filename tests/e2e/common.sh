# SPDX-License-Identifier: Apache-2.0
# Shared by the end-to-end tests: the real program on the build's text sample, in a temporary folder. Sourced with
# $1 the program; if $2 is `c4`, with C4's text and T5's tokenizer from ../shared instead. If the program executes
# CUDA code on the host (`hosted`), which is slow, runs have fewer tokens, a smaller vocabulary and, in each script,
# fewer steps.
set -Eeuo pipefail  # -E: the ERR trap also covers train()
switchyard=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/../support/sample.sh"
text=$sample tokenizer=$sample/sentencepiece.model
if [[ ${2:-} == c4 ]]; then
  shared=${SWITCHYARD_SHARED:-$here/../../../shared}
  text=$shared/data/c4 tokenizer=$shared/data/tokenizer/t5.model
  if [[ ! -e $text ]]; then
    echo "skipped: $text is absent"
    exit 77
  fi
fi
# $SWITCHYARD_TEST_BACKEND: cpu or cuda. Each rank needs a GPU of its own (NCCL refuses to share one).
backend=${SWITCHYARD_TEST_BACKEND:-cpu} hosted=no
[[ $switchyard == *_hostcuda ]] && hosted=yes
most_ranks=8
if [[ $backend == cuda && $hosted == no ]]; then
  most_ranks=$(nvidia-smi -L 2>/dev/null | grep -c '^GPU ' || true)
  if ((most_ranks == 0)); then
    echo "skipped: no GPU is visible"
    exit 77
  fi
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# If a command fails unexpectedly, show the output of the last run.
trap 'tail -n 30 "$(ls -t "$folder"/*.out | head -n 1)" >&2 || true' ERR
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMP_NUM_THREADS=1

length=48 batch=16
if [[ $hosted == yes ]]; then
  tokenizer=$sample/small.model
  length=32 batch=8
fi

cat >"$folder/tiny.yaml" <<YAML
backend: $backend
run: {name: tiny, directory: $folder, seed: 3}
model: {d_model: 64, d_kv: 16, num_heads: 4, d_ff: 128, encoder_layers: 2, decoder_layers: 2, dropout: 0.1,
        experts: {count: 4, capacity_factor: 1.0, dropout: 0.1}}
data: {train: ["$text/c4-train.*.json.gz"], validation: ["$text/c4-validation.*.json.gz"],
       tokenizer: $tokenizer, encoder_length: $length, streams: 4, shuffle_buffer: 32}
optimizer: {warmup_steps: 10000}
train: {steps: 20, global_batch: $batch, micro_batch: $((batch / 4)), log_every: 1, eval_every: 10, eval_sequences: $batch,
        checkpoint_every: 5, keep_checkpoints: 0}
YAML

# train RANKS NAME [--set ...]: pre-trains run NAME on RANKS ranks, or on as many as there are GPUs.
train() {
  local ranks=$(($1 < most_ranks ? $1 : most_ranks)) name=$2
  shift 2
  mpirun --oversubscribe --bind-to none --mca btl_vader_single_copy_mechanism none -n "$ranks" \
    "$switchyard" pretrain "$folder/tiny.yaml" --set run.name="$name" "$@" >"$folder/$name.out" 2>&1
}
