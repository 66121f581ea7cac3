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


def tensors(step):
    manifest = run / "checkpoints" / f"step-{step:08}" / "manifest.json"
    return json.loads(manifest.read_text())["tensors"] if manifest.exists() else None


applied = []  # the steps that made the weights
saved, kept = None, []  # the last checkpoint, and the steps that made its weights
rewinds, unchanged = [], []
for step, loss in losses.items():
    known = [losses[earlier] for earlier in applied if earlier <= step - 2][-window:]
    limit = statistics.fmean(known) + deviations * statistics.pstdev(known) if len(known) == window else float("inf")
    assert (loss > limit) == (step in limits), f"step {step}: loss {loss}, limit {limit}"
    if step not in limits:
        applied.append(step)
    else:
        assert abs(limits[step] - limit) < 1e-12 * limit, f"step {step}: limit {limits[step]}, not {limit}"
        if policy == "rewind" and applied != kept and len(kept) >= window:
            rewinds.append(step)
            applied = list(kept)
    if not tensors(step):
        continue
    if saved:
        same = tensors(step) == tensors(saved)
        assert same == (applied == kept), f"step {step}: applied {applied}, at {saved} {kept}, same: {same}"
        unchanged += [step] if same else []
    saved, kept = step, list(applied)
assert len(losses) - len(limits) > len(limits) > 1, f"spikes: {sorted(limits)}"
assert policy == "skip" or (rewinds and unchanged), f"rewinds at {rewinds}, checkpoints as the one before: {unchanged}"
log = (run / "log.txt").read_text()
assert log.count("weights and optimiser are again those of") == len(rewinds), f"not rewinds at {rewinds}"
assert log.count("; the step is skipped") == len(limits) - len(rewinds), f"rewinds at {rewinds}, spikes: {sorted(limits)}"
print(f"{policy}: spikes at {sorted(limits)}, rewinds at {rewinds}, checkpoints as the one before at {unchanged}")
