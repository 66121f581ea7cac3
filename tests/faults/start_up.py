#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The first second of a run: a rank that never reaches MPI_Init ends the others, and a signal that comes before the
first step stops the run as any later one does."""
import pathlib
import signal
import time

from launch import MPIRUN, SWITCHYARD, PATIENCE, Run, checkpoints, require, settings, workplace

GIVEN = {"train.steps": 20000, "train.eval_every": 0, "train.checkpoint_every": 0}


def check_missing_rank(folder):
    command = [SWITCHYARD, "pretrain", folder / "tiny.yaml", *settings({**GIVEN, "run.hang_timeout_seconds": 2})]
    script = 'if [ "$OMPI_COMM_WORLD_RANK" = 1 ]; then exec sleep 120; fi; exec "$@"'
    run = Run([*MPIRUN, "-n", "2", "bash", "-c", script, "bash", *command], folder / "missing.out")
    require(run.end(30) == 1, "the exit code is not 1", run)
    require('MPI_Init "start of the program"' in run.text(), "the message does not name MPI_Init", run)


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
    for number in (signal.SIGUSR1, signal.SIGTERM):
        check_early_signal(folder, number)
