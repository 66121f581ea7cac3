#!/usr/bin/env python3
"""Draws the loss curves of runs from their metrics.jsonl: training and validation loss over the steps.

    python3 benchmarks/loss_plot.py OUT.svg RUN_FOLDER...

OUT may end in .svg, .png or .pdf. Needs matplotlib (Debian: python3-matplotlib)."""
import argparse
import json
import pathlib

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402

# Text stays text, and the same metrics give the same file.
STYLE = {"svg.fonttype": "none", "svg.hashsalt": "switchyard", "font.size": 9, "axes.spines.top": False,
         "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.3}
METADATA = {".svg": {"Date": None}}


def read_curves(folder):
    """{kind: ([steps], [losses])} of one run."""
    curves = {"train": ([], []), "evaluation": ([], [])}
    for line in (pathlib.Path(folder) / "metrics.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        curves[record["kind"]][0].append(record["step"])
        curves[record["kind"]][1].append(record["loss"])
    return curves


def draw(axes, name, curves):
    """The untrained model's loss would flatten the rest of the curve, so step 0 is left out."""
    line, = axes.plot(*curves["train"], linewidth=1.2, label=f"{name}: training")
    steps, losses = curves["evaluation"]
    shown = [(step, loss) for step, loss in zip(steps, losses) if step > 0]
    if shown:
        axes.plot(*zip(*shown), "o--", markersize=4, linewidth=1, color=line.get_color(), alpha=0.7,
                  label=f"{name}: validation")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("runs", nargs="+", help="folders that hold a metrics.jsonl")
    options = parser.parse_args()
    pyplot.rcParams.update(STYLE)
    figure, axes = pyplot.subplots(figsize=(6.4, 3.2), layout="constrained")
    for run in options.runs:
        draw(axes, pathlib.Path(run).name, read_curves(run))
    axes.set_xlabel("step")
    axes.set_ylabel("loss, nats per target token")
    axes.legend(frameon=False)
    figure.savefig(options.out, dpi=150, metadata=METADATA.get(options.out.suffix))


main()
