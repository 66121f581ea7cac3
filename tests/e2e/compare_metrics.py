"""compare_metrics.py TOLERANCE A B: two metrics.jsonl agree, step by step and number by number but for those of the
clock. What is counted or follows from the step is the same; losses differ by TOLERANCE of their size at most,
the gradient's norm, which is made of larger cancellations, by ten times that. A rounding may send a token that is
torn between two experts to the other one: the routers' shares may differ by a few tokens. With tolerance 0
every number is the same."""
import json
import sys

CLOCK = {"step_seconds", "tokens_per_second", "mfu", "seconds"}
# Times the tolerance, of the number's size.
RELATIVE = {"loss": 1, "neg_log_perplexity": 1, "grad_norm": 10, "balance_loss": 10, "z_loss": 10}
# Times the tolerance, as they are: 2e-5 allows a token in a thousand, and an expert that has 1.02 of the mean, not 1.
ABSOLUTE = {"dropped_fraction": 50, "expert_load_max": 1000}


def load(path):
    lines = [json.loads(line) for line in open(path, encoding="utf-8")]
    keys = [(line["kind"], line["step"]) for line in lines]
    assert len(keys) == len(set(keys)), f"{path} has a step twice"
    return dict(zip(keys, lines))


def difference(name, a, b):
    """In units of the tolerance; of numbers that must be the same, 0 or infinite."""
    if a == b:
        return 0.0
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
        assert line.keys() == other.keys(), f"{key}: fields differ: {line.keys() ^ other.keys()}"
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
