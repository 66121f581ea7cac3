#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make_runs.py FOLDER: writes folders of runs as training leaves them, with smooth made-up numbers.

  small        1,200 steps, a heat map of six layers, corpora and tasks, three checkpoints
  resumed      the same with another learning rate, stopped and resumed, still running: its last line is torn
  dense        no router
  single       one line
  nonfinite    null, NaN and Infinity among the values
  long         20,000 lines, with a spike of loss at step 12,345
and one whose name is all that HTML and UTF-8 forbid.
"""
import json
import math
import os
import sys

LAYERS = [f"{stack}/layers/{layer}" for stack in ("encoder", "decoder") for layer in (1, 3, 5)]
ODD_NAME = b"<script>alert(1)</script> & \"x\" 'y' \xff".replace(b"/", b"|")


def wave(step, number):
    """Between -1 and 1, the same at every run of this program."""
    return math.sin(12.9898 * step + 78.233 * number)


def router(step, factor):
    done = min(step / 600, 1)
    return {layer: {"dropped_fraction": 0.3 * (1 - done) * (i + 1) / 6, "experts_per_token": 1.0,
                    "load_max": 1.1 + factor * (3.5 - i / 2) * (1 - done) + 0.1 * (1 + wave(step, i)),
                    "entropy": 2.0 - 0.8 * done, "top_probability": 0.15 + 0.08 * i * done}
            for i, layer in enumerate(LAYERS)}


def training_line(step, peak, sparse):
    layers = router(step, peak)
    line = {"kind": "train", "step": step, "tokens": step * 6912, "loss": 2 + 5 * math.exp(-step / 300) + 0.05 * wave(step, 0)}
    line |= {"neg_log_perplexity": -line["loss"], "balance_loss": 4 * peak if sparse else 0.0, "z_loss": 0.0,
             "grad_norm": 0.5 + 3 * math.exp(-step / 100) + 0.1 * (1 + wave(step, 1)),
             "learning_rate": 0.06 * peak * min(step / 50, max(1 - step / 1200, 0)), "step_seconds": 0.17 + 0.01 * wave(step, 2),
             "tokens_per_second": 39000 + 2000 * wave(step, 2), "mfu": 0.42 + 0.02 * wave(step, 2),
             "dropped_fraction": sum(each["dropped_fraction"] for each in layers.values()) / len(layers) if sparse else 0.0,
             "expert_load_max": max(each["load_max"] for each in layers.values()) if sparse else 0.0}
    return line | ({"router": layers} if sparse else {})


def evaluation_line(step, peak, sparse):
    loss = 2.1 + 5 * math.exp(-step / 320) + 0.1 * peak
    line = {"kind": "evaluation", "step": step, "tokens": step * 6912, "loss": loss, "neg_log_perplexity": -loss,
            "dropped_fraction": 0.0, "expert_load_max": 1.2, "sequences": 4096, "target_tokens": 28672, "seconds": 2.5}
    if sparse:
        line |= {"corpora": {"c4": loss, "mc4 <de>": loss + 0.4},
                 "tasks": {"glue_mrpc": {"accuracy": 90 - 30 * math.exp(-step / 500), "f1": 92 - 40 * math.exp(-step / 500)}}}
    return line


def lines_of(steps, every, peak=1.0, sparse=True):
    lines = []
    for step in range(0, steps + 1, every):
        if step > 0:
            lines.append(training_line(step, peak, sparse))
        if step * 8 % steps == 0:
            lines.append(evaluation_line(step, peak, sparse))
    return lines


def write_run(folder, lines, rate=0.06, log="", end="", checkpoints=()):
    os.makedirs(os.path.join(folder, b"checkpoints"))
    with open(os.path.join(folder, b"metrics.jsonl"), "w", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
        file.write(end)
    with open(os.path.join(folder, b"config.yaml"), "w", encoding="utf-8") as file:
        file.write(f'run: {{name: made-up}}\noptimizer: {{learning_rate: {rate}}}\ndata: {{train: ["<text> & more/*.gz"]}}\n'
                   "train: {steps: 1200}\n")
    with open(os.path.join(folder, b"log.txt"), "w", encoding="utf-8") as file:
        file.write("backend: cpu\nmemory per rank: parameters 10.6 MiB, gradients 10.6, optimiser 0.1, activations 68.0, scratch 12.5\n")
        file.write(log)
    for step in checkpoints:
        path = os.path.join(folder, b"checkpoints", b"step-%08d" % step)
        os.mkdir(path)
        for name, size in ((b"manifest.json", 2048), (b"shard-00000.h5", 11 << 20)):
            with open(os.path.join(path, name), "wb") as file:
                file.truncate(size)
            os.utime(os.path.join(path, name), (1.7e9 + step, 1.7e9 + step))


def main():
    root = os.fsencode(sys.argv[1])
    at = lambda name: os.path.join(root, name)  # noqa: E731
    write_run(at(b"small"), lines_of(1200, 20), checkpoints=(400, 800, 1200))
    write_run(at(b"resumed"), lines_of(600, 20, 0.7), 0.042, checkpoints=(400,), end='{"kind": "train", "step": 6',
              log="stopped by SIGUSR1 after step 400: the checkpoint is committed; start the same command again to resume\n"
                  "resumed from runs/resumed/checkpoints/step-00000400 at step 400\n"
                  "[rank 1/2 node-1] warning: 3 of 1024 shards are unreadable or gave no text\n")
    write_run(at(b"dense"), lines_of(1200, 20, 1.3, sparse=False), 0.03)
    write_run(at(b"single"), lines_of(20, 20)[-2:-1])
    nonfinite = lines_of(200, 20)
    for line, value in zip(nonfinite[3:6], (None, math.nan, math.inf)):
        line["loss"] = line["grad_norm"] = value
    for line in nonfinite:
        line["mfu"] = None
    write_run(at(b"nonfinite"), nonfinite)
    long = lines_of(20000, 1)
    for line in long:
        if line["step"] == 12345:
            line["loss"] = 9.75
    write_run(at(b"long"), long)
    write_run(at(ODD_NAME), lines_of(100, 10))


main()
