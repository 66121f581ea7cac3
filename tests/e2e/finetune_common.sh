# SPDX-License-Identifier: Apache-2.0
# A tiny model and two tasks: to sort letters, and to answer yes, which is right four times of five and learnt at once.
# Sourced after common.sh.
steps=24
python3 "$here/../../data/make_sort_task.py" "$folder" 4 1000
head -n 50 "$folder/sort-validation.jsonl" >"$folder/sort-few.jsonl"
for i in $(seq 50); do
  answer=yes
  ((i % 5)) || answer=no
  echo "{\"input\": \"is it $i?\", \"target\": \"$answer\"}"
done >"$folder/yes.jsonl"

cat >"$folder/sort.yaml" <<YAML
backend: $backend
run: {name: sort, directory: $folder, seed: 3}
model: {d_model: 64, d_kv: 16, num_heads: 4, d_ff: 128, encoder_layers: 2, decoder_layers: 2, dropout: 0.0,
        experts: {count: 4, group_sequences: 2, eval_capacity_factor: 2.0}}
data:
  tasks:
    - {name: sort, form: jsonl, train: [$folder/sort-train.jsonl], validation: [$folder/sort-few.jsonl],
       metrics: [exact_match], rate: 1}
    - {name: yes_no, form: jsonl, train: [$folder/yes.jsonl], validation: [$folder/yes.jsonl], metrics: [exact_match],
       rate: 1}
  tokenizer: bytes
  encoder_length: 16
  decoder_length: 9
  streams: 4
optimizer: {learning_rate: 0.03, schedule: constant, warmup_steps: 0, clip_norm: 1.0}
train: {initialize_from: $folder/random, steps: $steps, global_batch: 32, micro_batch: 16, log_every: 1, eval_every: 8,
        eval_sequences: 64, checkpoint_every: 5, keep_checkpoints: 1}
YAML

# Initial weights: a checkpoint after a step of nearly nothing.
pretrain_random() {
  "$switchyard" pretrain "$folder/sort.yaml" --set run.name=random --set 'train.initialize_from=""' --set train.steps=1 \
    --set optimizer.learning_rate=1e-30 --set train.eval_every=0 "$@" >"$folder/random.out" 2>&1
}

# tune COMMAND RANKS NAME [--set ...]
tune() {
  local command=$1 ranks=$(($2 < most_ranks ? $2 : most_ranks)) name=$3
  shift 3
  mpirun --oversubscribe --bind-to none --mca btl_vader_single_copy_mechanism none -n "$ranks" \
    "$switchyard" "$command" "$folder/sort.yaml" --set run.name="$name" "$@" >"$folder/$name.out" 2>&1
}

# finetune RANKS NAME [--set ...]
finetune() { tune finetune "$@"; }
