#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The standard deviation of every class of parameters at the start, beside the formulas of the references.

    initial_values.py CONFIG.yaml [--binary PROGRAM]

Runs CONFIG for one step that moves nothing, once as it is and once with Flaxformer's initial values
(model.initialisation), and measures what the checkpoints hold. Needs h5py.
"""

import argparse
import math
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy
import yaml

TRUNCATED = 0.8796256610342398  # std of a standard normal that is cut at 2
FLAXFORMER = {"attention": 0.1, "experts": "normal", "relative_bias": 0.1, "router": 0.02}
# Class: (names, default, Flaxformer's), stds as functions of the keys of `model`, s = 0.1. M is the paper's code; its
# truncated normals are not scaled up to make good the cut, nor are ours; those of Flaxformer (JAX) are.
CLASSES = {
    "embedding": (r"shared/embedding", lambda m: 1.0, lambda m: 1.0),
    "relative bias": (r"relative_bias", lambda m: math.sqrt(0.1 / m["d_model"]),
                      lambda m: math.sqrt(2 * 0.1 / (m["relative_buckets"] + m["num_heads"]))),
    "W_q": (r"attention/q", lambda m: TRUNCATED * math.sqrt(0.1 / (m["d_model"] * m["d_kv"])),
            lambda m: math.sqrt(0.1 / (m["d_model"] * m["d_kv"]))),
    "W_k, W_v": (r"attention/[kv]$", lambda m: TRUNCATED * math.sqrt(0.1 / m["d_model"]),
                 lambda m: math.sqrt(0.1 / m["d_model"])),
    "W_o of attention": (r"attention/o$", lambda m: TRUNCATED * math.sqrt(0.1 / (m["num_heads"] * m["d_kv"])),
                         lambda m: math.sqrt(0.1 / (m["num_heads"] * m["d_kv"]))),
    "dense W_i": (r"ffn/wi", lambda m: TRUNCATED * math.sqrt(0.1 / m["d_model"]),
                  lambda m: math.sqrt(0.1 / m["d_model"])),
    "dense W_o": (r"ffn/wo", lambda m: TRUNCATED * math.sqrt(0.1 / m["d_ff"]), lambda m: math.sqrt(0.1 / m["d_ff"])),
    "expert W_i": (r"moe/wi", lambda m: TRUNCATED * math.sqrt(0.1 / m["d_model"]),
                   lambda m: math.sqrt(0.1 / m["d_model"])),
    "expert W_o": (r"moe/wo", lambda m: TRUNCATED * math.sqrt(0.1 / m["d_ff"]), lambda m: math.sqrt(0.1 / m["d_ff"])),
    "router": (r"moe/router", lambda m: TRUNCATED * math.sqrt(0.1 / m["d_model"]), lambda m: 0.02),
}  # fmt: skip


def parameters_at_start(options, changes):
    """{name: values} of a run whose only step moves nothing."""
    with tempfile.TemporaryDirectory() as folder:
        keys = {"run.directory": folder, "run.name": "start", "train.steps": 1, "train.eval_every": 0,
                "optimizer.schedule": "constant", "optimizer.warmup_steps": 0,
                "optimizer.learning_rate": 1e-30, **changes}  # fmt: skip
        command = [str(options.binary), "pretrain", str(options.configuration)]
        for key, value in keys.items():
            command += ["--set", f"{key}={value}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"initial_values.py: {' '.join(command)}: {done.stderr}")
        values = {}
        with h5py.File(Path(folder) / "start/checkpoints/step-00000001/index.h5") as index:
            index["parameters"].visititems(
                lambda name, item: values.update({name: item[()]}) if hasattr(item, "shape") else None)  # fmt: skip
        return values


def measured(values, names):
    found = [array.ravel() for name, array in values.items() if re.search(names, name)]
    if not found:
        sys.exit(f"initial_values.py: no parameter is named {names}")
    all_of_them = numpy.concatenate(found).astype(numpy.float64)
    return all_of_them.std(), all_of_them.size


def table(model, ours, flaxformer):
    text = ["| parameters | numbers | default: formula | measured | Flaxformer: formula | with its keys |"]
    text.append("|---" * 6 + "|")
    for name, (names, default, other) in CLASSES.items():
        (first, count), (second, _) = measured(ours, names), measured(flaxformer, names)
        text.append(f"| {name} | {count} | {default(model):.4f} | {first:.4f} | {other(model):.4f} | {second:.4f} |")
    return "\n".join(text) + "\n"


def main():
    parser = argparse.ArgumentParser(prog="initial_values.py", description=__doc__.split("\n")[0])
    parser.add_argument("configuration", type=Path)
    parser.add_argument("--binary", type=Path, default=Path(__file__).resolve().parent.parent / "build/switchyard")
    options = parser.parse_args()
    model = yaml.safe_load(options.configuration.read_text(encoding="utf-8"))["model"]
    ours = parameters_at_start(options, {})
    text = table(model, ours, parameters_at_start(
        options, {f"model.initialisation.{key}": value for key, value in FLAXFORMER.items()}))  # fmt: skip
    print(text, end="")


if __name__ == "__main__":
    main()
