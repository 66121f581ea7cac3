# SPDX-License-Identifier: Apache-2.0
"""compare_metrics.py TOLERANCE A B: checks that two metrics.jsonl agree, step by step and number by number, except for
timings. Counts and everything that follows from the step must be equal. Losses may differ by a relative TOLERANCE, the
gradient norm, which suffers more from cancellation, by ten times that. Rounding may send a token that is nearly
tied between two experts to the other one, so router statistics may differ by a few tokens. With TOLERANCE 0 every
number must be equal."""
import json
import sys

CLOCK = {"step_seconds", "save_seconds", "tokens_per_second", "mfu", "seconds", "goodput"}
CLOCK |= {"wait_share", "straggler_rank", "straggler_share"}  # of several ranks
# Allowed relative difference, in units of the tolerance.
RELATIVE = {"loss": 1, "neg_log_perplexity": 1, "grad_norm": 10, "balance_loss": 10, "z_loss": 10, "soft_loss": 1}
# Of each router, by the last part of its name.
RELATIVE |= {"logit_z_loss": 10, "entropy": 100, "top_probability": 100}
RELATIVE |= {"second_place_loss": 10, "importance_loss": 100, "load_loss": 100}
# Allowed absolute difference, in units of the tolerance: 2e-5 allows one token in a thousand, and an expert load of
# 1.02 instead of 1.
ABSOLUTE = {"dropped_fraction": 50, "experts_per_token": 50, "expert_load_max": 1000, "load_max": 1000}


def flat(line):
    """The line with the numbers of its routers, tasks and corpora under their names, LAYER/NAME, TASK/NAME, CORPUS/loss."""
    groups, corpora = line.pop("router", {}) | line.pop("tasks", {}), line.pop("corpora", {})
    line |= {f"{group}/{name}": value for group, of in groups.items() for name, value in of.items()}
    return line | {f"{corpus}/loss": loss for corpus, loss in corpora.items()}


def load(path):
    lines = [flat(json.loads(line)) for line in open(path, encoding="utf-8")]
    keys = [(line["kind"], line["step"]) for line in lines]
    assert len(keys) == len(set(keys)), f"{path} contains a step twice"
    return dict(zip(keys, lines))


def difference(name, a, b):
    """The difference in units of the tolerance; 0 or infinite for numbers that must be equal."""
    if a == b:
        return 0.0
    name = name.split("/")[-1]
    if name in RELATIVE:
        return abs(a - b) / abs(a) / RELATIVE[name] if a else float("inf")
    return abs(a - b) / ABSOLUTE[name] if name in ABSOLUTE else float("inf")


def main():
    tolerance = float(sys.argv[1])
    a, b = load(sys.argv[2]), load(sys.argv[3])
    assert a.keys() == b.keys(), f"steps differ: {a.keys() ^ b.keys()}"
    worst = {}
    for key, line in a.items():
        other = b[key]
        differ = (line.keys() ^ other.keys()) - CLOCK
        assert not differ, f"{key}: fields differ: {differ}"
        for name in line.keys() - CLOCK:
            far = difference(name, line[name], other[name])
            if name not in worst or far > worst[name][0]:
                worst[name] = (far, key, line[name], other[name])
    shown = ", ".join(f"{name} {far[0] * {**RELATIVE, **ABSOLUTE}.get(name, 1):.1e}"
                      for name, far in sorted(worst.items()) if name in RELATIVE or name in ABSOLUTE)
    print(f"{len(a)} lines, largest differences: {shown}")
    for name, (far, key, one, two) in worst.items():
        assert far <= tolerance, f"{name} of {key}: {one} and {two}"


if __name__ == "__main__":
    main()
