#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SIGTERM and SIGUSR1, sent to mpirun and to single ranks: the run exits with 75 and a committed checkpoint of the step
at which it stopped, resumes from there, and ends like an undisturbed run."""
import re
import signal

from launch import HOSTED, checkpoints, pretrain, require, require_same_metrics, verify, workplace

LAST = 24 if HOSTED else 500
GIVEN = {"train.steps": LAST, "train.eval_every": LAST // 4, "train.checkpoint_every": LAST // 4}
# (signal, ranks that get it (none: mpirun, which forwards USR1), what rank 0 reports as the cause)
STOPS = [(signal.SIGUSR1, (), "SIGUSR1"), (signal.SIGTERM, (0,), "SIGTERM"),
         (signal.SIGUSR1, (1,), "a signal to another rank"), (signal.SIGTERM, (0, 1), "SIGTERM")]
if HOSTED:
    STOPS = STOPS[:2]


def send(folder, after, number, ranks):
    """Starts the run, waits until it has printed step `after`, and sends the signal."""
    run = pretrain(folder, 2, "stopped", GIVEN)
    require(run.wait_for(f"step {after}/{LAST} "), "the run ended before it was stopped", run)
    for rank in ranks or (None,):
        run.signal(number, rank)
    return run


def stop(folder, after, number, ranks, said):
    """Stops the run by the signal and returns the step at which it stopped."""
    run = send(folder, after, number, ranks)
    code = run.end()
    require(code == 75, f"after signal {number} to {ranks} the exit code is {code}", run)
    stopped = re.search(r"^stopped by (.+) after step (\d+): the checkpoint is committed", run.text(), re.M)
    require(stopped is not None and stopped[1] == said, f"the run does not report that it was stopped by {said}", run)
    step = int(stopped[2])
    require(after <= step < LAST, f"stopped at step {step}", run)
    kept = checkpoints(folder, "stopped")
    require(max(kept) == step, f"stopped at step {step}, the newest checkpoint is {max(kept)}", run)
    verify(kept[step])
    return step


def terminate_mpirun(folder, after):
    """mpirun forwards SIGTERM late, kills the ranks soon after and has an exit code of its own. There may or may not be
    time for a checkpoint, but the newest one must be intact. Returns its step."""
    run = send(folder, after, signal.SIGTERM, ())
    require(run.end() != 0, "mpirun exits with 0 after SIGTERM", run)
    kept = checkpoints(folder, "stopped")
    verify(kept[max(kept)])
    return max(kept)


with workplace() as folder:
    code = pretrain(folder, 2, "straight", GIVEN).end()
    require(code == 0, f"the exit code of the undisturbed run is {code}")
    at = 0
    for number, ranks, said in STOPS:
        begun, at = at, stop(folder, at + LAST // 20, number, ranks, said)
        if begun > 0:
            text = (folder / "stopped.out").read_text()
            require(re.search(rf"^resumed from .*/step-0*{begun} at step {begun}$", text, re.M),
                    f"the run did not resume from step {begun}:\n{text}")
        print(f"{number.name} to {f'ranks {ranks}' if ranks else 'mpirun'}: step {at}")
    if not HOSTED:
        newest = terminate_mpirun(folder, at + 1)
        require(newest >= at, f"after SIGTERM to mpirun the newest checkpoint is {newest}, it was {at}")
    run = pretrain(folder, 2, "stopped", GIVEN)
    code = run.end()
    require(code == 0, f"after the stops the exit code is {code}", run)
    require_same_metrics(folder, "straight", "stopped")
