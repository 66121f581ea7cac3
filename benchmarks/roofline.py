#!/usr/bin/env python3
"""Predicted time of a training step on H100 GPUs: for every kernel the operations and the bytes it cannot do without, the
time these take at the hardware's peak rates (the floor), and at the shares of the peaks that are assumed here.

    python3 benchmarks/roofline.py                   the tables
    python3 benchmarks/roofline.py --write           ... into docs/gpu.md, between its markers
    python3 benchmarks/roofline.py --check           exit code 1 unless docs/gpu.md holds them
    python3 benchmarks/roofline.py --flops CONFIG    model FLOPs of a sequence, as `switchyard bench` counts them

Nothing here is measured. The standard library is all it needs."""
import argparse
import pathlib
import sys

import adafactor_waves
import expert_products
from roofline_model import Model
from roofline_rates import LAUNCH, MEMORY, MEMORY_SHARE, TENSOR, TENSOR_SHARE
from roofline_step import Step

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/gpu.md"
BEGIN, END = "<!-- roofline.py: begin -->", "<!-- roofline.py: end -->"
GROUPED_SHARE = 0.45  # of TENSOR: grouped_gemm's kernel, of mma.sync too


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
    head = ["part", "calls", "TFLOP", "GB", "floor, µs", "predicted, µs", "dense twin, µs"]
    return [f"### {title}", ""] + table(head, rows)


def summary_row(name, step, twin):
    ratio = "" if step is twin else f"{step.seconds() / twin.seconds():.2f}"
    return [name, str(step.gpus), f"{sum(step.model.parameters()) / 1e6:,.0f} M", f"{step.model_flops() / 1e12:.1f}",
            f"{step.floor() * 1e3:.1f}", f"{step.seconds() * 1e3:.1f}", f"{step.tokens_per_second():,.0f}",
            f"{100 * step.mfu():.0f} %", ratio]


def what_if(models, sequences):
    """Predicted milliseconds of each model with one thing changed."""
    cases = [("as it is", {}),
             ("8 micro-batches", {"micro_batches": 8}),
             ("the loss in chunks of 256 rows, as on CPUs", {"loss_rows": 256}),
             ("the router makes a float32 copy of its input", {"router_copy": True}),
             ("the router's products in TF32 (495 TFLOP/s)", {"router_peak": 495e12}),
             ("Adafactor a parameter at a time", {"waves": {"most": 1}}),
             ("Adafactor's waves no larger than 25 MiB, for L2", {"waves": {"most_bytes": adafactor_waves.CACHE_BYTES}}),
             ("attention at 60 % of the tensor cores' rate", {"attention_share": 0.6})]
    rows = []
    for name, change in cases:
        steps = [Step(model, sequences, gpus, **change) for model, gpus in models]
        rows.append([name] + [f"{step.seconds() * 1e3:.1f} ({100 * step.mfu():.0f} %)" for step in steps])
    return rows


def experts_table(small, large, sequences):
    """A sparse layer's products, batched against one by one."""
    rates = expert_products.Rates(TENSOR * TENSOR_SHARE, MEMORY * MEMORY_SHARE, LAUNCH, TENSOR * GROUPED_SHARE)
    few = sequences // 8
    eight = f"16 of 128 on 8 GPUs, {sequences} sequences each"
    head, rows = expert_products.report([(f"all 8, {sequences} sequences", small, 1, sequences),
                                         (eight, large, 8, sequences),
                                         (f"all 128, {sequences} sequences", large, 1, sequences),
                                         (f"all 128, {few} sequences", large, 1, few)], rates)
    lines = ["### A sparse layer's products: batches of all experts against one product an expert", ""] + table(head, rows)
    head, rows = expert_products.ragged_report(large.d, large.d_ff, rates)
    return lines + ["### A dropless layer's products, of one expert among many", ""] + table(head, rows)


def report(sequences):
    dense, small, large = (Model(ROOT / "configs" / f"{name}.yaml")
                           for name in ("t5-base", "switch-base-8", "switch-base-128"))
    dense_one, small_one = Step(dense, sequences, 1), Step(small, sequences, 1)
    dense_eight, small_eight, large_eight = (Step(model, sequences, 8) for model in (dense, small, large))
    lines = [f"{sequences} sequences of {dense.le} + {dense.ld} tokens a GPU, one micro-batch; sums of all calls of a step, "
             "forward and backward.", ""]
    head = ["model", "GPUs", "parameters", "model TFLOP a GPU", "floor, ms", "predicted, ms", "tokens/s a GPU", "MFU",
            "over its dense twin"]
    lines += ["### Steps", ""] + table(head, [
        summary_row("T5-Base", dense_one, dense_one), summary_row("Switch-Base, 8 experts", small_one, dense_one),
        summary_row("T5-Base", dense_eight, dense_eight),
        summary_row("Switch-Base, 8 experts", small_eight, dense_eight),
        summary_row("Switch-Base, 128 experts", large_eight, dense_eight)])
    lines += part_table("Switch-Base with 8 experts, one GPU", small_one, dense_one)
    lines += part_table("Switch-Base with 128 experts, 8 GPUs of one node, 16 experts each", large_eight, dense_eight)
    lines += ["### If one thing were otherwise", "", "Predicted ms of a step and MFU:", ""]
    models = ((dense, 1), (small, 1), (large, 8))
    lines += table(["", "T5-Base, 1 GPU", "8 experts, 1 GPU", "128 experts, 8 GPUs"], what_if(models, sequences))
    lines += experts_table(small, large, sequences)
    return "\n".join(lines)


def with_report(text, tables):
    before, rest = text.split(BEGIN)
    return before + BEGIN + "\n" + tables + "\n" + END + rest.split(END)[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, default=128, help="a GPU and step")
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
        print("docs/gpu.md is not what benchmarks/roofline.py --write makes of it", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
