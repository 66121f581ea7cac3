#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tokens that transformers' generate() writes against those of `switchyard infill --ids`.

Small seeded models of both families (SwitchTransformers with tied embeddings and an encoder that
drops tokens; T5, Flan-T5, mT5 and CodeT5 in the small, each with its own special ids) go through `switchyard convert`, and both sides continue
the same random prompts, greedily and with beams. Prints for each how many targets are equal token
for token; exits 1 where one differs that should not.

  generate.py [--switchyard build/switchyard] [--prompts 100]   compares
  generate.py --remake                                          writes data/generate anew

transformers runs every prompt alone and all of them in padded batches. Its beam search ends a batch
only when no prompt of it can improve, so that a prompt's target may depend on its neighbours: ours
is compared with the prompt alone, and the batch is only reported.
"""

import argparse
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

import torch
from transformers import (
    MT5Config,
    MT5ForConditionalGeneration,
    SwitchTransformersConfig,
    SwitchTransformersForConditionalGeneration,
    T5Config,
    T5ForConditionalGeneration,
)

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE / "data" / "generate"
BATCH = 16
BEAMS = 4
LENGTH_PENALTIES = (1.0, 0.6)


def switch_model(scale):
    config = SwitchTransformersConfig(
        vocab_size=96, d_model=24 * scale, d_kv=8, d_ff=32 * scale, num_heads=3 * scale,
        num_layers=2 * scale, num_decoder_layers=2 * scale, num_sparse_encoder_layers=scale,
        num_sparse_decoder_layers=scale, num_experts=4 * scale, expert_capacity=8,
        relative_attention_num_buckets=8, relative_attention_max_distance=16,
        tie_word_embeddings=True, decoder_start_token_id=0)
    return SwitchTransformersForConditionalGeneration(config)


def t5_like(config, model, gated, tied, **special_ids):
    """A maker of models of the T5 family, by transformers' classes for it."""
    def make(scale):
        return model(config(
            vocab_size=96, d_model=24 * scale, d_kv=8, d_ff=32 * scale, num_heads=3 * scale,
            num_layers=2 * scale, num_decoder_layers=2 * scale,
            feed_forward_proj="gated-gelu" if gated else "relu",
            relative_attention_num_buckets=8, relative_attention_max_distance=16,
            tie_word_embeddings=tied, **{"decoder_start_token_id": 0, **special_ids}))
    return make


def sharpen(model):
    """Weights under which the next token hangs on prompt and history: as initialised, attention is
    even and the tied output repeats its input."""
    factors = {".q.weight": 6.0, "relative_attention_bias.weight": 6.0, "wo.weight": 2.0,
               "SelfAttention.o.weight": 4.0, "EncDecAttention.o.weight": 8.0,
               "shared.weight": 0.3}
    with torch.no_grad():
        for name, weight in model.named_parameters():
            for ending, factor in factors.items():
                if name.endswith(ending):
                    weight.mul_(factor)
        model.lm_head.weight[model.config.eos_token_id] *= 1.5


def build(make, scale, seed):
    torch.manual_seed(seed)
    model = make(scale).eval()
    sharpen(model)
    return model


def random_prompts(count, config, seed):
    generator = random.Random(seed)
    pad, eos = config.pad_token_id, config.eos_token_id
    ids = [i for i in range(config.vocab_size) if i not in (pad, eos)]
    if (pad, eos) == (0, 1):  # range(2, size), as the kept targets were made
        draw = lambda: generator.randrange(2, config.vocab_size)
    else:
        draw = lambda: generator.choice(ids)
    return [[draw() for _ in range(generator.randrange(1, 40))] + [eos] for _ in range(count)]


def cut(ids, eos):
    """Without the start token and what follows eos."""
    ids = ids[1:]
    return ids[: ids.index(eos) + 1] if eos in ids else ids


def theirs(model, prompts, length, batch, **options):
    targets = []
    for first in range(0, len(prompts), batch):
        part = prompts[first : first + batch]
        width = max(map(len, part))
        pad, eos = model.config.pad_token_id, model.config.eos_token_id
        ids = torch.tensor([p + [pad] * (width - len(p)) for p in part])
        mask = torch.tensor([[1] * len(p) + [0] * (width - len(p)) for p in part])
        with torch.no_grad():
            out = model.generate(ids, attention_mask=mask, do_sample=False, max_new_tokens=length,
                                 **options)
        targets += [cut(row, eos) for row in out.tolist()]
    return targets


def write_lines(path, key, rows):
    path.write_text("".join(json.dumps({key: row}) + "\n" for row in rows))


def ours(switchyard, checkpoint, prompts_file, length, batch, *options):
    command = [switchyard, "infill", "--checkpoint", checkpoint, "--ids", prompts_file,
               "--max-length", length, "--batch", batch, *options]
    done = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)
    return [json.loads(line)["ids"] for line in done.stdout.splitlines()]


def save(model, folder):
    model.save_pretrained(folder, safe_serialization=True)
    (folder / "generation_config.json").unlink(missing_ok=True)


def equal(name, a, b):
    same = sum(x == y for x, y in zip(a, b, strict=True))
    print(f"{name}: {same} of {len(a)} equal", flush=True)
    return same == len(a)


def compare_model(name, model, switchyard, count, length, folder):
    prompts = random_prompts(count, model.config, 3)
    save(model, folder / "hf")
    prompts_file, checkpoint = folder / "prompts.jsonl", folder / "checkpoint"
    write_lines(prompts_file, "inputs", prompts)
    subprocess.run([switchyard, "convert", "--from", "hf", "--to", "switchyard",
                    str(folder / "hf"), str(checkpoint)], check=True, capture_output=True)
    run = lambda batch, *options: ours(switchyard, checkpoint, prompts_file, length, batch, *options)

    alone = theirs(model, prompts, length, 1)
    padded = theirs(model, prompts, length, BATCH)
    batched = run(BATCH, "--strategy", "greedy")
    print(f"{name}: {len(set(map(tuple, alone)))} different targets, "
          f"{sum(t[-1] == model.config.eos_token_id for t in alone)} of {count} end with eos, "
          f"{len({i for t in alone for i in t})} different tokens")
    good = [
        equal(f"{name}, greedy, ours in batches of {BATCH}, theirs alone", batched, alone),
        equal(f"{name}, greedy, ours in batches of {BATCH}, theirs padded", batched, padded),
        equal(f"{name}, greedy, ours alone, theirs alone", run(1, "--strategy", "greedy"), alone),
    ]
    for penalty in LENGTH_PENALTIES:
        options = {"num_beams": BEAMS, "length_penalty": penalty}
        beam = run(BATCH, "--strategy", "beam", "--beams", BEAMS, "--length-penalty", penalty)
        label = f"{name}, {BEAMS} beams, length penalty {penalty}"
        good.append(equal(f"{label}, theirs alone", beam, theirs(model, prompts, length, 1, **options)))
        equal(f"{label}, theirs padded (not required)", beam,
              theirs(model, prompts, length, BATCH, **options))
        early = run(BATCH, "--strategy", "beam", "--beams", BEAMS, "--length-penalty", penalty,
                    "--early-stopping")
        good.append(equal(f"{label}, early stopping, theirs alone", early,
                          theirs(model, prompts, length, 1, early_stopping=True, **options)))
    return all(good)


# Those that the tests keep (data/generate), and the others. "moved" has no special id where T5 has it.
KEPT = {"switch": switch_model,
        "t5": t5_like(T5Config, T5ForConditionalGeneration, gated=True, tied=False)}
MODELS = KEPT | {
    "t5-relu-tied": t5_like(T5Config, T5ForConditionalGeneration, gated=False, tied=True),
    "flan-t5": t5_like(T5Config, T5ForConditionalGeneration, gated=True, tied=False),
    "mt5": t5_like(MT5Config, MT5ForConditionalGeneration, gated=True, tied=False),
    "codet5": t5_like(T5Config, T5ForConditionalGeneration, gated=False, tied=True,
                      bos_token_id=1, eos_token_id=2),
    "moved": t5_like(T5Config, T5ForConditionalGeneration, gated=True, tied=False,
                     pad_token_id=3, eos_token_id=95, decoder_start_token_id=7),
}


def compare(switchyard, count, length):
    good = True
    for number, (name, make) in enumerate(MODELS.items()):
        with tempfile.TemporaryDirectory() as folder:
            good &= compare_model(name, build(make, 2, 7 + number), switchyard, count, length,
                                  pathlib.Path(folder))
    return good


def remake(length):
    for name, make in KEPT.items():
        folder = DATA / name
        shutil.rmtree(folder, ignore_errors=True)
        model = build(make, 1, 7)
        save(model, folder)
        prompts = random_prompts(24, model.config, 5)
        write_lines(folder / "prompts.jsonl", "inputs", prompts)
        write_lines(folder / "greedy.jsonl", "ids", theirs(model, prompts, length, 1))
        write_lines(folder / "beam.jsonl", "ids",
                    theirs(model, prompts, length, 1, num_beams=BEAMS, length_penalty=0.6))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--switchyard", default=str(HERE.parents[1] / "build" / "switchyard"))
    parser.add_argument("--prompts", type=int, default=100)
    parser.add_argument("--length", type=int, default=24, help="most tokens of a target")
    parser.add_argument("--remake", action="store_true", help="write data/generate anew")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.remake:
        remake(options.length)
        return 0
    return 0 if compare(options.switchyard, options.prompts, options.length) else 1


if __name__ == "__main__":
    sys.exit(main())
