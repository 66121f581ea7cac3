#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The first second of a run: a rank that never reaches MPI_Init ends the others, a rank that is killed in it ends
mpirun, and a signal that comes before the first step stops the run as any later one does."""
import os
import pathlib
import signal
import time

from launch import MPIRUN, SWITCHYARD, PATIENCE, Run, checkpoints, pretrain, require, settings, workplace

GIVEN = {"train.steps": 20000, "train.eval_every": 0, "train.checkpoint_every": 0}


def without_rank_1(folder, seconds):
    """A run whose rank 0 waits in MPI_Init for so long."""
    command = [SWITCHYARD, "pretrain", folder / "tiny.yaml", *settings({**GIVEN, "run.hang_timeout_seconds": seconds})]
    script = 'if [ "$OMPI_COMM_WORLD_RANK" = 1 ]; then exec sleep 120; fi; exec "$@"'
    return Run([*MPIRUN, "-n", "2", "bash", "-c", script, "bash", *command], folder / "missing.out")


def check_missing_rank(folder):
    run = without_rank_1(folder, 2)
    require(run.end(30) == 1, "the exit code is not 1", run)
    require('MPI_Init "start of the program"' in run.text(), "the message does not name MPI_Init", run)


def children(pid):
    return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def check_killed_in_mpi_init(folder, deaf):
    """mpirun ends the job. If it does not notice, for which it is stopped here, the rank's guard ends mpirun."""
    run = without_rank_1(folder, PATIENCE)
    limit = time.monotonic() + PATIENCE
    while 0 not in run.ranks() or not children(run.ranks()[0]):
        require(run.process.poll() is None and time.monotonic() < limit, "rank 0 starts no guard", run)
        time.sleep(0.01)
    sleeps = run.ranks()[1]
    if deaf:
        run.signal(signal.SIGSTOP)
    run.signal(signal.SIGKILL, 0)
    code = run.end(20)
    if deaf:
        os.kill(sleeps, signal.SIGKILL)
    require(code == -signal.SIGKILL if deaf else code > 0, f"mpirun ends with {code}", run)


def check_no_guard(folder):
    run = pretrain(folder, 2, "guarded", GIVEN)
    require(run.wait_for("step 1/"), "the run ended by itself", run)
    left = {rank: children(pid) for rank, pid in run.ranks().items()}
    require(left == {0: [], 1: []}, f"after MPI_Init there are still {left}", run)
    run.kill()


def blocks(pid, number):
    """Whether the process no longer ends by the signal: a thread of its own waits for it."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("SigBlk:"):
            return int(line.split()[1], 16) >> (number - 1) & 1
    return False


def check_early_signal(folder, number):
    run = Run([SWITCHYARD, "pretrain", folder / "tiny.yaml", *settings({**GIVEN, "run.name": "early"})],
              folder / "early.out")
    limit = time.monotonic() + PATIENCE
    while not blocks(run.process.pid, number):
        require(run.process.poll() is None and time.monotonic() < limit, "the signal is never blocked", run)
        time.sleep(0.001)
    require("backend:" not in run.text(), "signals are noted only after the start", run)
    run.signal(number)
    require(run.end() == 75, f"after an early {number.name} the exit code is not 75", run)
    require(checkpoints(folder, "early"), "no checkpoint was committed", run)


with workplace() as folder:
    check_missing_rank(folder)
    for deaf in (False, True):
        check_killed_in_mpi_init(folder, deaf)
    check_no_guard(folder)
    for number in (signal.SIGUSR1, signal.SIGTERM):
        check_early_signal(folder, number)
