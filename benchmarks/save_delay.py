#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""save_delay.py PROGRAM CONFIG [--set KEY=VALUE ...]: what a checkpoint costs training. Runs one rank with
train.checkpoint_every of CONFIG or --set, and watches its folder. Prints the medians of the steps without a checkpoint on
its way and of those beside one, of the time that a save took from the loop (`save_seconds`), and of all that a
checkpoint cost: the time from the step that it follows to the end of the last step beside it, less what so many quiet
steps take. The first checkpoint, for which memory is allocated, is left out."""
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time


def watch(process, folder):
    """Times at which step n was done (from 0, the start), and the steps during which a checkpoint was on its way."""
    ends, beside, metrics = [time.monotonic()], set(), folder / "metrics.jsonl"
    while process.poll() is None:
        done = metrics.read_bytes().count(b'"kind": "train"') if metrics.exists() else 0
        ends += [time.monotonic()] * (done + 1 - len(ends))
        if any((folder / "checkpoints").glob("*.partial")):
            beside.add(done + 1)
        time.sleep(0.005)
    return ends, beside


def main():
    program, config, *rest = sys.argv[1:]
    with tempfile.TemporaryDirectory() as place:
        command = [program, "pretrain", config, *rest, "--set", f"run.directory={place}", "--set", "run.name=run",
                   "--set", "train.log_every=1", "--set", "train.eval_every=0"]
        with open(f"{place}/out", "wb") as out:
            process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
            ends, beside = watch(process, pathlib.Path(place) / "run")
        if process.returncode != 0:
            sys.exit(pathlib.Path(f"{place}/out").read_text(encoding="utf-8"))
        lines = [json.loads(line) for line in open(f"{place}/run/metrics.jsonl", encoding="utf-8")]
        size = sum(file.stat().st_size for file in max(pathlib.Path(place).glob("run/checkpoints/step-*")).iterdir())
        every = int(next(line.split(":")[1] for line in open(f"{place}/run/config.yaml", encoding="utf-8")
                         if line.strip().startswith("checkpoint_every:")))
    seconds = {line["step"]: line["step_seconds"] for line in lines}
    last = max(seconds)
    saves = range(2 * every, last - 1, every)
    free = [each for step, each in seconds.items() if step > every and step not in beside]
    if not free:
        sys.exit(f"a checkpoint was on its way in every step after {every}: give a longer train.checkpoint_every")
    quiet = statistics.median(free)
    costs = []
    for save in saves:
        end = max(step for step in range(save + 1, min(save + every, last) + 1) if step == save + 1 or step in beside)
        costs.append(ends[end] - ends[save] - (end - save) * quiet)
    loud = [seconds[step] for step in sorted(beside) if 2 * every < step <= last]
    taken = [line.get("save_seconds") for line in lines if line["step"] - 1 in saves]
    print(f"checkpoint of {size / 1e9:.2f} GB, {len(costs)} of them; quiet steps {quiet:.3f} s; {len(loud)} beside one")
    if loud:
        middle = statistics.median(loud)
        print(f"steps beside one {middle:.3f} s, {100 * (middle / quiet - 1):+.1f} %")
    if None not in taken:
        print(f"save_seconds {statistics.median(taken):.3f}: {' '.join(f'{each:.3f}' for each in taken)}")
    print(f"a checkpoint cost {statistics.median(costs):.3f} s: {' '.join(f'{each:.3f}' for each in costs)}")


main()
