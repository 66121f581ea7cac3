#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Predicts the time of a training step on H100 GPUs. For every kernel it counts the operations and the bytes that must
move, and computes the time that these take at the hardware's peak rates (the roofline bound) and at an assumed share
of the peaks (the prediction).

    python3 benchmarks/roofline/roofline.py                   prints the tables
    python3 benchmarks/roofline/roofline.py --write           writes them into docs/gpu.md, between its markers
    python3 benchmarks/roofline/roofline.py --check           exits with 1 unless docs/gpu.md contains them
    python3 benchmarks/roofline/roofline.py --flops CONFIG    prints the model FLOPs of a sequence

Nothing here is measured. It needs only the standard library."""
import argparse
import pathlib
import sys

import adafactor_waves
import expert_gemms
from model import Model
from rates import LAUNCH, MEMORY, MEMORY_SHARE, TENSOR, TENSOR_SHARE
from step import Step

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/gpu.md"
BEGIN, END = "<!-- roofline.py: begin -->", "<!-- roofline.py: end -->"
GROUPED_SHARE = 0.45  # of TENSOR, for grouped_gemm's kernel, which also uses mma.sync


def row(cells):
    return "| " + " | ".join(cells) + " |"


def table(head, rows):
    return [row(head), row(["---"] * len(head))] + [row(cells) for cells in rows] + [""]


def micro(seconds):
    return f"{seconds * 1e6:,.0f}"


def part_row(step, part, twin):
    kernels = [kernel for kernel in step.kernels if kernel.part == part]
    work = kernels or [transfer for transfer in step.transfers if transfer.part == part]
    operations = sum(kernel.calls * kernel.operations for kernel in kernels)
    moved = sum(item.calls * item.bytes for item in work)
    beside = sum(kernel.predicted() for kernel in twin.kernels if kernel.part == part)
    predicted = micro(sum(item.predicted() for item in work))
    if not kernels:
        predicted += f", {micro(sum(transfer.exposed() for transfer in work))} exposed"
    return [part, f"{sum(item.calls for item in work):,}", f"{operations / 1e12:.2f}" if operations else "",
            f"{moved / 1e9:.1f}", micro(sum(item.floor() for item in work)), predicted, micro(beside) if beside else ""]


def part_table(title, step, twin):
    rows = [part_row(step, part, twin) for part in step.parts()]
    operations = sum(kernel.calls * kernel.operations for kernel in step.kernels)
    moved = sum(kernel.calls * kernel.bytes for kernel in step.kernels)
    rows.append(["**step**", f"{sum(kernel.calls for kernel in step.kernels):,}", f"{operations / 1e12:.2f}",
                 f"{moved / 1e9:.1f}", micro(step.floor()), f"**{micro(step.seconds())}**", micro(twin.seconds())])
    head = ["part", "calls", "TFLOP", "GB", "roofline bound, µs", "predicted, µs", "dense baseline, µs"]
    return [f"### {title}", ""] + table(head, rows)


def summary_row(name, step, twin):
    ratio = "" if step is twin else f"{step.seconds() / twin.seconds():.2f}"
    return [name, str(step.gpus), f"{sum(step.model.parameters()) / 1e6:,.0f} M", f"{step.model_flops() / 1e12:.1f}",
            f"{step.floor() * 1e3:.1f}", f"{step.seconds() * 1e3:.1f} to {step.crowded().seconds() * 1e3:.1f}",
            f"{step.tokens_per_second():,.0f}", f"{100 * step.mfu():.0f} %", ratio]


def what_if(models, sequences):
    """Predicted milliseconds of each model with one change."""
    cases = [("no change", {}),
             ("8 micro-batches", {"micro_batches": 8}),
             ("loss in chunks of 256 rows, as on CPUs", {"loss_rows": 256}),
             ("router makes a float32 copy of its input", {"router_copy": True}),
             ("router GEMMs in TF32 (495 TFLOP/s)", {"router_peak": 495e12}),
             ("Adafactor one parameter at a time", {"waves": {"most": 1}}),
             ("Adafactor waves of at most 25 MiB, to fit L2", {"waves": {"most_bytes": adafactor_waves.CACHE_BYTES}}),
             ("attention at 60 % of the tensor cores' rate", {"attention_share": 0.6})]
    rows = []
    for name, change in cases:
        steps = [Step(model, sequences, gpus, **change) for model, gpus in models]
        rows.append([name] + [f"{step.seconds() * 1e3:.1f} ({100 * step.mfu():.0f} %)" for step in steps])
    return rows


def experts_table(small, large, sequences):
    """The GEMMs of a sparse layer: batched against one per expert."""
    rates = expert_gemms.Rates(TENSOR * TENSOR_SHARE, MEMORY * MEMORY_SHARE, LAUNCH, TENSOR * GROUPED_SHARE)
    few = sequences // 8
    eight = f"16 of 128 on 8 GPUs, {sequences} sequences each"
    head, rows = expert_gemms.report([(f"all 8, {sequences} sequences", small, 1, sequences),
                                         (eight, large, 8, sequences),
                                         (f"all 128, {sequences} sequences", large, 1, sequences),
                                         (f"all 128, {few} sequences", large, 1, few)], rates)
    lines = ["### GEMMs of a sparse layer: batched over all experts against one per expert", ""] + table(head, rows)
    head, rows = expert_gemms.ragged_report(large.d, large.d_ff, rates)
    return lines + ["### GEMMs of a dropless layer, per expert", ""] + table(head, rows)


def report(sequences):
    dense, small, large = (Model(ROOT / "configs" / f"{name}.yaml")
                           for name in ("t5-base", "switch-base-8", "switch-base-128"))
    dense_one, small_one = Step(dense, sequences, 1), Step(small, sequences, 1)
    dense_eight, small_eight, large_eight = (Step(model, sequences, 8) for model in (dense, small, large))
    lines = [f"{sequences} sequences of {dense.le} + {dense.ld} tokens per GPU in one micro-batch; sums over all calls of "
             "a step, forward and backward.", ""]
    head = ["model", "GPUs", "parameters", "model TFLOP per GPU", "roofline bound, ms", "predicted, ms",
            "tokens/s per GPU", "MFU", "step time over dense baseline"]
    lines += ["### Steps", ""] + table(head, [
        summary_row("T5-Base", dense_one, dense_one), summary_row("Switch-Base, 8 experts", small_one, dense_one),
        summary_row("T5-Base", dense_eight, dense_eight),
        summary_row("Switch-Base, 8 experts", small_eight, dense_eight),
        summary_row("Switch-Base, 128 experts", large_eight, dense_eight)])
    lines += part_table("Switch-Base with 8 experts, one GPU", small_one, dense_one)
    lines += part_table("Switch-Base with 128 experts, 8 GPUs of one node, 16 experts each", large_eight, dense_eight)
    lines += ["### What if", "", "Predicted step time in ms, and MFU, with one change each:", ""]
    models = ((dense, 1), (small, 1), (large, 8))
    lines += table(["", "T5-Base, 1 GPU", "8 experts, 1 GPU", "128 experts, 8 GPUs"], what_if(models, sequences))
    lines += experts_table(small, large, sequences)
    return "\n".join(lines)


def with_report(text, tables):
    before, rest = text.split(BEGIN)
    return before + BEGIN + "\n" + tables + "\n" + END + rest.split(END)[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, default=128, help="sequences per GPU and step")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--flops", metavar="CONFIG", type=pathlib.Path)
    parser.add_argument("--decoder-length", type=int, default=114, help="with --flops")
    options = parser.parse_args()
    if options.flops:
        print(f"{Model(options.flops, options.decoder_length).flops_per_sequence():.10g}")
        return 0
    tables = report(options.sequences)
    if not options.write and not options.check:
        print(tables)
        return 0
    page = PAGE.read_text()
    made = with_report(page, tables)
    if options.write:
        PAGE.write_text(made)
    elif made != page:
        print("docs/gpu.md is out of date: run benchmarks/roofline/roofline.py --write", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
