# SPDX-License-Identifier: Apache-2.0
"""Curves of each corpus of runs on several, such as languages: final losses (figure 7 of the paper) and speed-ups
(figure 8).

The speed-up of a run over another in a corpus is the other's steps, divided by the first step at which the run reaches
the other's final loss in that corpus; between two evaluations the step is interpolated. Runs of one seed, which read
the same text in the same order, are compared with each other.
"""

import statistics

from curves import steps_to


def curve_of(lines, corpus):
    """The curve of a corpus, from the evaluations of a run."""
    return [{"step": line["step"], "loss": line["corpora"][corpus]} for line in lines if corpus in line.get("corpora", {})]


def corpora_of(runs):
    """The corpora of the runs of an arm, {seed: evaluations}, in the order of the configuration."""
    return list(dict.fromkeys(corpus for lines in runs.values() for line in lines for corpus in line.get("corpora", {})))


def final_loss(runs, corpus):
    """The mean over seeds."""
    return statistics.fmean(curve_of(lines, corpus)[-1]["loss"] for lines in runs.values() if lines)


def speed_ups(runs, others, corpus):
    """By seed; None where the loss is never reached."""
    found = {}
    for seed in runs.keys() & others.keys():
        other = curve_of(others[seed], corpus)
        step = steps_to(curve_of(runs[seed], corpus), other[-1]["loss"])
        found[seed] = other[-1]["step"] / step if step else None
    return found


def mean_speed_up(runs, others, corpus):
    """The mean over seeds, or None if one never reaches the loss."""
    found = list(speed_ups(runs, others, corpus).values())
    return None if not found or None in found else statistics.fmean(found)


def verdict_better(_, runs, others):
    corpora = corpora_of(runs)
    gains = {corpus: final_loss(others, corpus) - final_loss(runs, corpus) for corpus in corpora}
    worst = min(gains, key=gains.get, default=None)
    if worst is None:
        return None, "the runs have no corpora"
    lower = sum(gain > 0 for gain in gains.values())
    return lower == len(gains), f"lower in {lower} of {len(gains)}; least in {worst}, by {gains[worst]:.4f}"


def verdict_speed_up(claim, runs, others):
    found = {corpus: mean_speed_up(runs, others, corpus) for corpus in corpora_of(runs)}
    reached = {corpus: value for corpus, value in found.items() if value is not None}
    if len(reached) < max(1, len(found)):
        return (False, f"{len(found) - len(reached)} of {len(found)} never reach it") if found else (None, "no corpora")
    mean, least = statistics.fmean(reached.values()), min(reached, key=reached.get)
    return mean >= claim["mean"], f"{mean:.2f} on average; least in {least}, {reached[least]:.2f}"


VERDICTS = {"better_in_each": verdict_better, "speed_up": verdict_speed_up}


def cells(arm, corpus, runs, others):
    """An arm's final loss and its speed-up over the reference, whose own cells have no speed-up."""
    if not any(runs.values()):
        return ["", ""]
    speed = mean_speed_up(runs, others, corpus) if any(others.values()) else None
    return [f"{final_loss(runs, corpus):.4f}", "never" if speed is None else f"{speed:.2f}"]


def table(study, curves):
    """Lines of Markdown with a row a corpus; none if the runs have no corpora. The first arm is the reference."""
    reference, *arms = study["arms"]
    corpora = corpora_of(curves[reference])
    if not corpora:
        return []
    heads = ["corpus", f"loss of `{reference}`"] + [head for arm in arms for head in (f"loss of `{arm}`", "speed-up")]
    text = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for corpus in corpora:
        row = [corpus, f"{final_loss(curves[reference], corpus):.4f}"]
        for arm in arms:
            row += cells(arm, corpus, curves[arm], curves[reference])
        text.append("| " + " | ".join(row) + " |")
    return [*text, ""]
