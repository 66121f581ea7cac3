#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A rank is killed: the others exit within seconds, no committed checkpoint is lost, and the run resumes and reaches
the metrics of an undisturbed run."""
import json
import signal
import time

from launch import HOSTED, checkpoints, pretrain, require, require_same_metrics, verify, workplace

LAST = 24 if HOSTED else 500
GIVEN = {"train.steps": LAST, "train.eval_every": LAST // 4, "train.checkpoint_every": 2 if HOSTED else 25}
# (number of ranks, rank to kill, share of the run after which it is killed)
KILLS = [(2, 0, 0.2), (2, 1, 0.5), (4, 2, 0.3)]
SECONDS = 10  # limit for the other ranks to exit; they need less than two
if HOSTED:
    KILLS = KILLS[1:2]


def kill(folder, ranks, victim, share):
    name, after = f"killed-{ranks}", int(LAST * share)
    run = pretrain(folder, ranks, name, GIVEN)
    require(run.wait_for(f"step {after}/{LAST} "), "the run ended before a rank was killed", run)
    before = checkpoints(folder, name)
    begun = time.monotonic()
    run.signal(signal.SIGKILL, victim)
    code = run.end(SECONDS)
    seconds = time.monotonic() - begun
    require(code not in (0, 75), f"with rank {victim} killed the exit code is {code}", run)
    kept = checkpoints(folder, name)
    require(before and set(before) <= set(kept), f"checkpoints {set(before) - set(kept)} are lost", run)
    verify(kept[max(kept)])
    print(f"{ranks} ranks, rank {victim} killed after step {after}: {seconds:.1f} s, exit code {code}")
    return max(kept)


def go_on(folder, ranks, newest):
    name = f"killed-{ranks}"
    run = pretrain(folder, ranks, name, GIVEN)
    code = run.end()
    require(code == 0, f"the resumed run has the exit code {code}", run)
    require(f"at step {newest}\n" in run.text(), f"the run did not resume from step {newest}", run)
    require_same_metrics(folder, f"straight-{ranks}", name)
    ends = [checkpoints(folder, run_name)[LAST] for run_name in (f"straight-{ranks}", name)]
    tensors = [json.loads((end / "manifest.json").read_text())["tensors"] for end in ends]
    require(tensors[0] and tensors[0] == tensors[1], "the last checkpoints differ")


with workplace() as folder:
    for ranks in sorted({ranks for ranks, _, _ in KILLS}):
        code = pretrain(folder, ranks, f"straight-{ranks}", GIVEN).end()
        require(code == 0, f"undisturbed on {ranks} ranks, the exit code is {code}")
        for _, victim, share in [each for each in KILLS if each[0] == ranks]:
            newest = kill(folder, ranks, victim, share)
        go_on(folder, ranks, newest)
