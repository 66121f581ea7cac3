"""compare_metrics.py TOLERANCE A B: losses of two metrics.jsonl agree within a relative tolerance, step by
step; with tolerance 0 every number but those of the clock is the same."""
import json
import sys

CLOCK = {"step_seconds", "tokens_per_second", "mfu", "seconds"}


def load(path):
    lines = [json.loads(line) for line in open(path, encoding="utf-8")]
    keys = [(line["kind"], line["step"]) for line in lines]
    assert len(keys) == len(set(keys)), f"{path} has a step twice"
    return dict(zip(keys, lines))


def main():
    tolerance = float(sys.argv[1])
    a, b = load(sys.argv[2]), load(sys.argv[3])
    assert a.keys() == b.keys(), f"steps differ: {a.keys() ^ b.keys()}"
    worst = 0.0
    for key, line in a.items():
        worst = max(worst, abs(line["loss"] - b[key]["loss"]) / line["loss"])
        if tolerance == 0:
            same = {k: v for k, v in line.items() if k not in CLOCK}
            other = {k: v for k, v in b[key].items() if k not in CLOCK}
            assert same == other, f"{key}: {same} and {other}"
    print(f"{len(a)} lines, largest relative difference of a loss {worst:.1e}")
    assert worst <= tolerance, f"more than {tolerance}"


main()
