# SPDX-License-Identifier: Apache-2.0
"""For race.py: the models, as Switchyard configurations with overrides that make both sides do the same work: one batch
of a few sequences per step, no gradient accumulation, and a vocabulary that needs no tokenizer."""
import subprocess

import yaml

SMALL = ["train.micro_batch=16"]
BASE = ["train.global_batch=4", "train.micro_batch=4", "data.streams=4", "model.experts.group_sequences=4",
        "model.experts.group_tokens.encoder=auto", "model.experts.group_tokens.decoder=auto", "train.logit_z_loss=0"]
DENSE = ["model.experts.count=0"]

SIZES = {
    "256-8": ("configs/bench-256.yaml", SMALL),
    "256-dense": ("configs/bench-256.yaml", SMALL + DENSE),
    "512-8": ("configs/bench-512.yaml", []),
    "512-32": ("configs/bench-512.yaml", ["model.experts.count=32"]),
    "512-dense": ("configs/bench-512-dense.yaml", []),
    "base-8": ("configs/switch-base-8.yaml", BASE),
    "base-dense": ("configs/switch-base-8.yaml", BASE + DENSE),
}


def arguments(config, overrides):
    """The arguments CONFIG --set ... for the program."""
    return [str(config)] + [word for override in overrides for word in ("--set", override)]


def resolve(switchyard, words):
    """The configuration as Switchyard itself resolves it, including derived lengths."""
    done = subprocess.run([switchyard, "config", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{switchyard} config {' '.join(words)}: {done.stderr.strip()}")
    return yaml.safe_load(done.stdout)
