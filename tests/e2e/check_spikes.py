# SPDX-License-Identifier: Apache-2.0
"""check_spikes.py POLICY RUN WINDOW DEVIATIONS: checks that the spikes in RUN's metrics are those that their definition
makes of its losses, and what became of them."""
import json
import pathlib
import statistics
import sys

policy, run, window, deviations = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
lines = [json.loads(line) for line in (run / "metrics.jsonl").open()]
losses = {line["step"]: line["loss"] for line in lines}
limits = {line["step"]: line["spike_limit"] for line in lines if "spike_limit" in line}
applied = []
for step, loss in losses.items():
    known = [losses[earlier] for earlier in applied if earlier <= step - 2][-window:]
    limit = statistics.fmean(known) + deviations * statistics.pstdev(known) if len(known) == window else float("inf")
    assert (loss > limit) == (step in limits), f"step {step}: loss {loss}, limit {limit}"
    if step not in limits:
        applied.append(step)
    else:
        assert abs(limits[step] - limit) < 1e-12 * limit, f"step {step}: limit {limits[step]}, not {limit}"
assert len(applied) > len(limits) > 1, f"spikes: {sorted(limits)}"


def tensors(step):
    manifest = run / "checkpoints" / f"step-{step:08}" / "manifest.json"
    return json.loads(manifest.read_text())["tensors"] if manifest.exists() else None


def lasts(step):
    """The checkpoint before step `step`."""
    return max((saved for saved in losses if saved < step and tensors(saved)), default=None)


# The checkpoint of a step that was rewound is the one before it once more; of one that was skipped, only if all since were.
rewound = [step for step in limits if tensors(step) and lasts(step)]
assert rewound, f"no spike at the step of a checkpoint: {sorted(limits)}"
for step in rewound:
    since = [other for other in range(lasts(step) + 1, step) if other not in limits]
    same = tensors(step) == tensors(lasts(step))
    assert same == (policy == "rewind" or not since), f"step {step}: applied since {lasts(step)}: {since}, same: {same}"
again = (run / "log.txt").read_text().count("weights and optimiser are again those of")
expected = sum(1 for step in limits if lasts(step)) if policy == "rewind" else 0
assert again == expected, f"{again} rewinds, not {expected}"
print(f"{policy}: spikes at {sorted(limits)}, with a checkpoint at {rewound}")
