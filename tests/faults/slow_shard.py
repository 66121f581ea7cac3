#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""slow_shard.py PROGRAM SLOW_DISK: while one rank's disk is slow, training continues and no checkpoint is committed
without that rank's shard. The next save waits for nobody; the one after it waits for the first. A run that is killed
with two checkpoints under way resumes from the one before them. What a replayed step waits for a checkpoint is the time
of the save."""
import json
import re
import signal
import sys
import time

from launch import (MPIRUN, PATIENCE, SWITCHYARD, Run, checkpoints, pretrain, require, require_same_metrics,
                    settings, verify, workplace)

LAST = 200
EVERY = LAST // 4
GIVEN = {"train.steps": LAST, "train.eval_every": 0, "train.checkpoint_every": EVERY}
SLOW_DISK = sys.argv[2]


def with_slow_rank(folder, name, ranks, slow, milliseconds):
    """A run in which each fsync of rank `slow` takes `milliseconds` longer. The first fsync of a checkpoint is that of
    the rank's shard."""
    command = list(MPIRUN)
    for rank in range(ranks):
        preload = ["-x", f"LD_PRELOAD={SLOW_DISK}", "-x", f"SLOW_FSYNC_MS={milliseconds}"]
        command += [*(preload if rank == slow else []), "-n", 1, SWITCHYARD, "pretrain", folder / "tiny.yaml",
                    *settings({"run.name": name, **GIVEN}), ":"]
    return Run(command[:-1], folder / f"{name}.out")


def commits_beside_training(folder):
    """A checkpoint is committed as soon as its shards are written, long before the next one is due."""
    every = 400
    run = pretrain(folder, 2, "beside", {**GIVEN, "train.steps": 20000, "train.checkpoint_every": every,
                                         "train.log_every": every // 10})
    require(run.wait_for(f"step {every}/"), "the run ended by itself", run)
    limit = time.monotonic() + PATIENCE
    while every not in checkpoints(folder, "beside"):
        require(run.process.poll() is None and time.monotonic() < limit, "no checkpoint is committed", run)
        time.sleep(0.01)
    require(f"step {2 * every}/" not in run.text(), "it was committed only when the next checkpoint was due", run)
    run.kill()


def replay_waits(folder):
    """A replay may end the run, so the checkpoint before it is committed first."""
    given = {"train.steps": 4, "train.eval_every": 0, "train.checkpoint_every": 2, "run.replay_every": 3}
    slow = ["-x", f"LD_PRELOAD={SLOW_DISK}", "-x", "SLOW_FSYNC_MS=300", "-x", "SLOW_FSYNC_OF=/checkpoints/"]
    run = pretrain(folder, 1, "replayed", given, mpi=slow)
    require(run.end() == 0, "the exit code", run)
    lines = [json.loads(line) for line in (folder / "replayed" / "metrics.jsonl").read_text().splitlines()]
    require(lines[2]["step"] == 3 and lines[2]["save_seconds"] > max(0.9, lines[2]["step_seconds"]), f"{lines[2]}", run)


def partial(folder, name):
    return sorted(path.name for path in (folder / name / "checkpoints").glob("*.partial"))


with workplace() as folder:
    commits_beside_training(folder)
    replay_waits(folder)
    for ranks, slow in ((2, 1), (4, 2)):
        straight, name = f"straight-{ranks}", f"slow-{ranks}"
        code = pretrain(folder, ranks, straight, GIVEN).end()
        require(code == 0, f"the exit code of the undisturbed run is {code}")
        # A shard needs three fsyncs, 15 s, while training continues.
        run = with_slow_rank(folder, name, ranks, slow, 5000)
        require(run.wait_for(f"step {EVERY + 3}/{LAST} "), "a slow disk ended the run", run)
        require(not checkpoints(folder, name), f"committed without rank {slow}'s shard", run)
        require(partial(folder, name)[:1] == [f"step-{EVERY:08d}.partial"], "no checkpoint is being written", run)
        # The next checkpoint is under way beside it, and the one after waits until it is committed.
        require(run.wait_for(f"step {2 * EVERY + 1}/{LAST} "), "a slow disk ended the run", run)
        require(not checkpoints(folder, name), "the second save waited for the first", run)
        require(run.wait_for(f"step {3 * EVERY + 1}/{LAST} "), "a slow disk ended the run", run)
        kept = checkpoints(folder, name)
        require(sorted(kept) == [EVERY], f"checkpoints {sorted(kept)} while rank {slow}'s disk is slow", run)
        verify(kept[EVERY])
        run.signal(signal.SIGKILL, slow)
        require(run.end() not in (0, 75), "a killed rank went unnoticed", run)
        require(sorted(checkpoints(folder, name)) == [EVERY], "a killed run has committed another checkpoint", run)
        run = pretrain(folder, ranks, name, GIVEN)
        require(run.end() == 0, "the run does not resume", run)
        require(re.search(rf"^resumed from .* at step {EVERY}$", run.text(), re.M),
                "it does not resume from the newest checkpoint", run)
        require(not partial(folder, name), f"{partial(folder, name)} are left behind", run)
        require_same_metrics(folder, straight, name)
