# SPDX-License-Identifier: Apache-2.0
"""Arithmetic on curves: a curve is a list of evaluations, {"step", "loss", ...}, and `curves` has one a seed."""

import itertools
import statistics


def measured(lines, measure):
    """The lines with what `measure` asks for as their `loss`: a corpus's loss, or what a task's score lacks of 100, at
    its best so far if `peak` is asked for."""
    if not measure:
        return lines
    if "corpus" in measure:
        return [{**line, "loss": line["corpora"][measure["corpus"]]} for line in lines if "corpora" in line]
    scores = [(line, line["tasks"][measure["task"]]) for line in lines if measure["task"] in line.get("tasks", {})]
    errors = [100 - score[measure["score"]] for _, score in scores]
    errors = itertools.accumulate(errors, min) if measure.get("peak") else errors
    return [{**line, "loss": error} for (line, _), error in zip(scores, errors)]


def name_of(measure):
    """(its name, its unit) in tables and plots."""
    if not measure or "corpus" in measure:
        return "loss", "nats a token"
    best = "best " if measure.get("peak") else ""
    return "error", f"100 - {best}{measure['score']} of {measure['task']}"


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
