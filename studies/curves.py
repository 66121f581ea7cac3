# SPDX-License-Identifier: Apache-2.0
"""Arithmetic on curves: a curve is a list of evaluations, {"step", "loss", ...}, and `curves` has one a seed."""

import statistics


def final_losses(curves):
    return [lines[-1]["loss"] for lines in curves.values() if lines]


def mean_sd(values):
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else float("nan")


def steps_to(lines, loss):
    """The step, between two evaluations by a line, at which a curve first is at `loss`; nothing if it never is."""
    for before, after in zip(lines, lines[1:]):
        if after["loss"] <= loss < before["loss"]:
            share = (before["loss"] - loss) / (before["loss"] - after["loss"])
            return before["step"] + share * (after["step"] - before["step"])
    return None
