#!/usr/bin/env python3
"""SIGTERM and SIGUSR1, to mpirun and to single ranks: the run leaves with 75 and a committed checkpoint of the
step at which it stopped, goes on from there, and ends as one that nobody disturbed."""
import re
import signal

from launch import HOSTED, checkpoints, pretrain, require, require_same_metrics, verify, workplace

LAST = 24 if HOSTED else 200
GIVEN = {"train.steps": LAST, "train.eval_every": LAST // 4, "train.checkpoint_every": LAST // 4}
# mpirun kills the ranks one second after a SIGTERM unless it is told to wait longer, and then waits as long.
PATIENT = ("--mca", "odls_base_sigkill_timeout", "10")
# Signal, the rank it goes to (None: mpirun, which passes it on), what rank 0 says stopped it.
STOPS = [(signal.SIGUSR1, None, "SIGUSR1"), (signal.SIGTERM, None, "SIGTERM"),
         (signal.SIGUSR1, 0, "SIGUSR1"), (signal.SIGTERM, 1, "a signal to another rank")]
if HOSTED:
    STOPS = STOPS[1:]


def stop(folder, after, number, rank, said):
    """Returns the step at which the run stopped."""
    patient = PATIENT if number == signal.SIGTERM and rank is None else ()
    run = pretrain(folder, 2, "stopped", GIVEN, mpi=patient)
    require(run.wait_for(f"step {after}/{LAST} "), "the run ended before it was stopped", run)
    run.signal(number, rank)
    code = run.end()
    require(code == 75, f"after signal {number} to {rank} the exit code is {code}", run)
    stopped = re.search(r"^stopped by (.+) after step (\d+): the checkpoint is committed", run.text(), re.M)
    require(stopped is not None and stopped[1] == said, f"not said to be stopped by {said}", run)
    step = int(stopped[2])
    require(after <= step < LAST, f"stopped at step {step}", run)
    kept = checkpoints(folder, "stopped")
    require(max(kept) == step, f"stopped at step {step}, the newest checkpoint is {max(kept)}", run)
    verify(kept[step])
    return step


with workplace() as folder:
    code = pretrain(folder, 2, "straight", GIVEN).end()
    require(code == 0, f"undisturbed, the exit code is {code}")
    at = 0
    for number, rank, said in STOPS:
        begun, at = at, stop(folder, at + LAST // 20, number, rank, said)
        if begun > 0:
            text = (folder / "stopped.out").read_text()
            require(re.search(rf"^resumed from .*/step-0*{begun} at step {begun}$", text, re.M),
                    f"the run did not go on from step {begun}:\n{text}")
        print(f"{signal.Signals(number).name} to {'mpirun' if rank is None else f'rank {rank}'}: step {at}")
    run = pretrain(folder, 2, "stopped", GIVEN)
    code = run.end()
    require(code == 0, f"after the stops the exit code is {code}", run)
    require_same_metrics(folder, "straight", "stopped")
