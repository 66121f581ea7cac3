# SPDX-License-Identifier: Apache-2.0
"""check_ledger.py RUN GOODPUT STARTS STEPS: checks the ledger of a run that was killed and resumed, and what `inspect RUN
--json` made of it, against what its log says: it logged every step."""
import json
import re
import sys

run, goodput, starts, steps = sys.argv[1], json.load(open(sys.argv[2])), int(sys.argv[3]), int(sys.argv[4])
lines = [json.loads(line) for line in open(f"{run}/ledger.jsonl")]
begins = [i for i, line in enumerate(lines) if "resumed" in line]
assert len(begins) == starts == goodput["starts"], f"{len(begins)} starts, not {starts}"
of_starts = [lines[begin:end] for begin, end in zip(begins, begins[1:] + [len(lines)])]


def total(line):
    return sum(line["seconds"].values())


for start in of_starts:
    first, last = start[0], start[-1]
    assert len({line["start"] for line in start}) == 1, "a line of another start"
    spent, passed = total(last) - total(first), last["time"] - first["time"]
    assert abs(spent - passed) < 0.1, f"the parts add up to {spent} s, and {passed} s have passed"
    assert all(value >= 0 for line in start for value in line["seconds"].values())
    assert last["seconds"]["training"] > 0 and first["seconds"]["starting"] > 0 and first["seconds"]["training"] == 0
assert len({start[0]["start"] for start in of_starts}) == starts
seconds = goodput["seconds"]
every = sum(total(start[-1]) for start in of_starts)
assert abs(seconds["all_starts"] - every) < 1e-6 * every, f"{seconds['all_starts']} s of {every} s"
parts = sum(value for name, value in seconds.items() if name not in ("all_starts", "between_starts"))
assert abs(parts - every) < 1e-6 * every, f"the parts add up to {parts} s of {every} s"
assert abs(goodput["goodput"] - seconds["training"] / every) < 1e-9

# A kill may fall between the line of the ledger and that of the log.
trained = re.findall(rf"\bstep (\d+)/{steps} ", open(f"{run}/log.txt").read())
again = len(trained) - len(set(trained))
assert goodput["steps"] == steps == len(set(trained)), f"{goodput['steps']} steps, {len(set(trained))} in the log"
assert again <= goodput["lost_steps"] <= again + starts - 2, f"{goodput['lost_steps']} lost steps, {again} in the log"
assert (seconds["lost"] > 0) == (goodput["lost_steps"] > 0)
print(f"{goodput['lost_steps']} lost steps in {starts} starts, goodput {goodput['goodput']:.3f}")
