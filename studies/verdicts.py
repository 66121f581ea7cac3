# SPDX-License-Identifier: Apache-2.0
"""What the runs of a study show: a table of its arms, and its claims put to the test.

A curve is a list of evaluations, {"step", "loss", ...}; beside it, `trained` has a run's lines on training. Over seeds, a
mean is given with the sample standard deviation.
"""

import math
import statistics

import by_corpus
from curves import final_losses, mean_sd, name_of, steps_to

CLAIMS = {
    "faster": {"arm", "than", "at_most"},  # steps to the final loss of `than`, as a fraction of its steps
    "better": {"arm", "than", "by_sd"},  # final loss lower by so many standard deviations of the gains by seed
    "equal": {"arm", "than", "within"},  # final losses differ by no more
    "diverges": {"arm", "than", "by"},  # final loss higher by so much, or not finite
    "keeps": {"arm", "than", "of", "at_least"},  # of the gain of `of` over `than`, at least this share
    "better_in_each": {"arm", "than"},  # final loss lower in each corpus
    "speed_up": {"arm", "than", "mean"},  # mean over corpora of the speed-ups (by_corpus.py)
}


def problem_of(claim, arms):
    """What is wrong with a claim, or nothing."""
    kind = claim.get("kind") if isinstance(claim, dict) else None
    if kind not in CLAIMS:
        return f"kind is one of {', '.join(CLAIMS)}"
    if set(claim) - {"text"} != CLAIMS[kind] | {"kind"}:
        return f"'{kind}' has the keys {', '.join(sorted(CLAIMS[kind]))}, and text"
    for key in ("arm", "than", "of"):
        if key in claim and claim[key] not in arms:
            return f"{claim[key]} is no arm"
    return None


def fraction_of_steps(curves, arm, than):
    """Steps of each seed of `arm` to the mean final loss of `than`, as fractions of its steps; None: not reached."""
    loss = statistics.fmean(final_losses(curves[than]))
    whole = max(lines[-1]["step"] for lines in curves[than].values())
    steps = [steps_to(lines, loss) for lines in curves[arm].values()]
    return [None if step is None else step / whole for step in steps]


def gains_by_seed(curves, arm, than):
    """By how much the run of `arm` ends lower than that of `than` with the same seed, which reads the same text."""
    seeds = [seed for seed, lines in curves[arm].items() if lines and curves[than].get(seed)]
    return [curves[than][seed][-1]["loss"] - curves[arm][seed][-1]["loss"] for seed in seeds]


def verdict(claim, curves, seeds=1):
    """(holds, what was found) of a claim; (None, why not) if fewer than `seeds` runs of an arm are there."""
    arm, than, kind = claim["arm"], claim["than"], claim["kind"]
    if min(len(final_losses(curves[name])) for name in (arm, than, claim.get("of", than))) < seeds:
        return None, "not all runs are done"
    if kind in by_corpus.VERDICTS:
        return by_corpus.VERDICTS[kind](claim, curves[arm], curves[than])
    mean, other = (statistics.fmean(final_losses(curves[name])) for name in (arm, than))
    if kind == "faster":
        fractions = fraction_of_steps(curves, arm, than)
        if None in fractions:
            return False, f"{fractions.count(None)} of {len(fractions)} runs never reach it"
        share, spread = mean_sd(fractions)
        return share <= claim["at_most"], f"{100 * share:.0f} % of the steps (sd {100 * spread:.1f})"
    if kind == "better":
        gain, spread = mean_sd(gains_by_seed(curves, arm, than))
        many = gain / spread if spread else math.copysign(math.inf, gain)
        return many > claim["by_sd"], f"{mean:.4f} against {other:.4f}; by seed lower by {gain:.4f}, {many:.1f} sd"
    if kind == "keeps":
        gain, spread = mean_sd(gains_by_seed(curves, claim["of"], than))
        if gain <= spread:
            return None, f"`{claim['of']}` itself gains {gain:.4f}, no more than its sd of {spread:.4f}"
        share = (other - mean) / (other - statistics.fmean(final_losses(curves[claim["of"]])))
        return share >= claim["at_least"], f"{100 * share:.0f} % of the gain"
    if kind == "diverges":
        return not mean < other + claim["by"], f"{mean:.4f} against {other:.4f}"
    return abs(mean - other) <= claim["within"], f"{mean:.4f} and {other:.4f}, apart by {abs(mean - other):.1e}"


def percent(values):
    return f"{100 * statistics.fmean(values):.1f} %" if values else ""


def routing(lines):
    """(dropped fraction, fullest expert) in the last quarter of a run's training lines, as lists over runs."""
    late = [line for run in lines.values() for line in run[-max(1, len(run) // 4) :]]
    late = [line for line in late if line.get("expert_load_max")]
    return [line["dropped_fraction"] for line in late], [line["expert_load_max"] for line in late]


def row(arm, curves, trained, reference):
    losses = final_losses(curves[arm])
    if not losses:
        return f"| {arm} | 0 | | | | | | |"
    mean, sd = mean_sd(losses)
    fractions = fraction_of_steps(curves, arm, reference) if final_losses(curves[reference]) else [None]
    reached = "never" if None in fractions else f"{100 * statistics.fmean(fractions):.0f} %"
    if arm == reference:
        reached = "100 %"
    last = [lines[-1] for lines in curves[arm].values() if lines]
    evaluated = [line["dropped_fraction"] for line in last if line.get("expert_load_max")]  # none of a dense model
    dropped, loads = routing(trained.get(arm, {}))
    load = f"{statistics.fmean(loads):.2f}" if loads else ""
    spread = "" if len(losses) < 2 else f"{sd:.4f}"
    return (f"| {arm} | {len(losses)} | {mean:.4f} | {spread} | {reached} | {percent(dropped)} | "
            f"{percent(evaluated)} | {load} |")  # fmt: skip


def compressions(sizes):
    """A line for each arm whose runs had a teacher."""
    text = []
    for arm, by_seed in sizes.items():
        for line in [line for lines in by_seed.values() for line in lines][:1]:
            share = 100 * (1 - line["student"] / line["teacher"])
            text.append(f"- `{arm}` has {line['student']:,} parameters, {share:.0f} % fewer than its teacher's {line['teacher']:,}")
    return text + [""] if text else []


def table(study, curves, trained, sizes=None):
    """The study in Markdown: title, a row an arm, a line a claim. The first arm is what the others are compared with."""
    reference = next(iter(study["arms"]))
    text = [f"## {study.get('title', '')}", "", f"Source: {study.get('source', '')}.", ""]
    measure = name_of(study.get("measure"))[0]
    heads = ["arm", "runs", f"final {measure}", "sd", f"steps to the {measure} of `{reference}`"]
    heads += ["dropped in training", "in evaluation", "fullest expert / mean"]
    text += ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    text += [row(arm, curves, trained, reference) for arm in study["arms"]] + [""]
    text += by_corpus.table(study, curves) + compressions(sizes or {})
    for claim in study.get("claims", []):
        holds, found = verdict(claim, curves, len(study.get("seeds", [1])))
        word = {True: "holds", False: "does not hold", None: "open"}[holds]
        text.append(f"- {claim.get('text', claim)}: **{word}** ({found})")
    if study.get("remarks"):
        text += ["", study["remarks"].strip().replace("\n", "\n\n")]  # a paragraph is a line of folded YAML
    return "\n".join(text) + "\n"
