#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares a measured step on one GPU with the prediction of docs/gpu.md for as many sequences.

    python3 benchmarks/roofline/beside.py CONFIG SEQUENCES BENCH.json    BENCH.json: of `switchyard bench CONFIG --json`

The first line is one clause about the step; the others are a table of its parts, as `bench` divides it. The prediction is
for an H100, whatever card was measured."""
import json
import pathlib
import sys

from model import Model
from step import Step

# The parts that `bench` reports (lib/tensor/profiler.h) by those of step.py. Every matrix product is its `gemm`.
MEASURED_AS = {"attention": "attention", "RMS norms": "norm", "residual, dropout": "dropout", "activation": "activation",
               "router": "router", "dispatch, combine": "dispatch", "embedding": "embedding", "loss": "loss",
               "gradient clearing and norm": "optimizer", "Adafactor": "optimizer",
               "bfloat16 copy of the weights": "optimizer"}
PRODUCTS = ("attention projections", "dense feed-forward", "experts")


def measured_as(kernel):
    if kernel.part in PRODUCTS or (kernel.part == "loss" and kernel.operations > 0):
        return "gemm"
    return MEASURED_AS.get(kernel.part, "other")


def predicted_parts(step):
    """{part of `bench`: predicted seconds}"""
    parts = {}
    for kernel in step.kernels:
        part = measured_as(kernel)
        parts[part] = parts.get(part, 0) + kernel.predicted()
    return parts


def main():
    config, sequences, bench = pathlib.Path(sys.argv[1]), int(sys.argv[2]), json.loads(pathlib.Path(sys.argv[3]).read_text())
    measured = bench["step"]
    tokens = measured["tokens_per_second"] * measured["step_seconds"] / sequences
    model = Model(config)
    model = Model(config, decoder_length=round(tokens) - model.le)
    step = Step(model, sequences, 1)
    ratio = lambda seconds, predicted: f"{seconds / predicted:.2f}" if predicted else ""
    print(f"predicted {step.seconds():.4g} s (H100), measured / predicted {ratio(measured['step_seconds'], step.seconds())}")
    print(f"{'part':<16}{'predicted, ms':>14}{'measured, ms':>14}{'ratio':>8}")
    predicted = predicted_parts(step)
    rows = [(part, predicted.get(part, 0), share * measured["step_seconds"]) for part, share in measured["share"].items()]
    for part, expected, seconds in sorted(rows, key=lambda row: -row[2]):
        if expected or seconds >= 5e-5:
            print(f"{part:<16}{1e3 * expected:>14.2f}{1e3 * seconds:>14.2f}{ratio(seconds, expected):>8}")


if __name__ == "__main__":
    main()
