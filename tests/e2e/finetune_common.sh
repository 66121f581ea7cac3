# SPDX-License-Identifier: Apache-2.0
# A tiny model and two tasks of sorting letters. Sourced after common.sh.
steps=40
python3 "$here/../../data/make_sort_task.py" "$folder/many" 4 1000
python3 "$here/../../data/make_sort_task.py" "$folder/pairs" 3 30

cat >"$folder/sort.yaml" <<YAML
backend: $backend
run: {name: sort, directory: $folder, seed: 3}
model: {d_model: 64, d_kv: 16, num_heads: 4, d_ff: 128, encoder_layers: 2, decoder_layers: 2, dropout: 0.0,
        experts: {count: 4, group_sequences: 2, eval_capacity_factor: 2.0}}
data:
  tasks:
    - {name: sort, form: jsonl, train: [$folder/many/sort-train.jsonl], validation: [$folder/many/sort-validation.jsonl],
       metrics: [exact_match]}
    - {name: pairs, form: jsonl, train: [$folder/pairs/sort-train.jsonl],
       validation: [$folder/pairs/sort-validation.jsonl], metrics: [exact_match]}
  tokenizer: bytes
  encoder_length: 16
  decoder_length: 9
  streams: 4
optimizer: {learning_rate: 0.01, schedule: constant, warmup_steps: 0, clip_norm: 1.0}
train: {initialize_from: $folder/random, steps: $steps, global_batch: 32, micro_batch: 16, log_every: 1, eval_every: 10,
        eval_sequences: 64, checkpoint_every: 5, keep_checkpoints: 1}
YAML

# Initial weights: a checkpoint after a step of nearly nothing.
pretrain_random() {
  "$switchyard" pretrain "$folder/sort.yaml" --set run.name=random --set train.initialize_from= --set train.steps=1 \
    --set optimizer.learning_rate=1e-30 --set train.eval_every=0 "$@" >"$folder/random.out" 2>&1
}

# finetune RANKS NAME [--set ...]
finetune() {
  local ranks=$(($1 < most_ranks ? $1 : most_ranks)) name=$2
  shift 2
  mpirun --oversubscribe --bind-to none --mca btl_vader_single_copy_mechanism none -n "$ranks" \
    "$switchyard" finetune "$folder/sort.yaml" --set run.name="$name" "$@" >"$folder/$name.out" 2>&1
}
