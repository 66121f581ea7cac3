#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One run, one folder, one program: a second program on the folder of a living run is refused and changes nothing, a
dead one leaves no lock, and processes that a launcher started together do not train apart."""
import json
import os
import re
import signal

from launch import SWITCHYARD, Run, checkpoints, pretrain, require, settings, workplace

LONG = {"train.steps": 20000, "train.eval_every": 0, "train.checkpoint_every": 20}
SHORT = {"train.steps": 2, "train.eval_every": 0, "train.checkpoint_every": 0}


def start(folder, out, name, given, more=(), environment=None):
    return Run([SWITCHYARD, "pretrain", folder / "tiny.yaml", *more, *settings({"run.name": name, **given})],
               folder / f"{out}.out", environment)


def require_refused(run, *words):
    code = run.end()
    require(code == 2 and len(run.errors()) == 1, f"{run.out.stem}: the exit code is {code}", run)
    for word in words:
        require(word in run.errors()[0], f"{run.out.stem}: the message does not mention {word}", run)
    print(f"{run.out.stem}: {run.errors()[0]}")


def beside_a_living_run(folder, ranks):
    name = f"living-{ranks}"
    first = pretrain(folder, ranks, name, LONG)
    require(first.wait_for("step 25/"), "the run ended by itself", first)
    owner = first.ranks()[0]
    config = (folder / name / "config.yaml").read_text()
    words = (f"{folder}/{name} is in use by process {owner} on ", "run.name")
    require_refused(start(folder, f"again-{ranks}", name, LONG), *words)
    require_refused(start(folder, f"anew-{ranks}", name, {**LONG, "optimizer.learning_rate": 0.5},
                          ["--resume", "none"]), *words)
    require((folder / name / "config.yaml").read_text() == config, "a refused run wrote its configuration")
    first.signal(signal.SIGTERM, 0)
    code = first.end()
    require(code == 75, f"the first run ends with {code}", first)
    log = (folder / name / "log.txt").read_text()
    steps = [json.loads(line)["step"] for line in (folder / name / "metrics.jsonl").read_text().splitlines()]
    require(steps == list(range(1, len(steps) + 1)) and max(checkpoints(folder, name)) == steps[-1],
            f"the first run was disturbed: {steps}\n{log}")
    require((folder / name / "lock").read_text() == "", "a run that has ended still holds its lock")


def after_a_crash(folder):
    first = pretrain(folder, 2, "crashed", LONG)
    require(first.wait_for("step 25/"), "the run ended by itself", first)
    owner = first.ranks()[0]
    first.kill()
    require(f"process {owner} on " in (folder / "crashed" / "lock").read_text(), "the lock does not name its owner")
    second = pretrain(folder, 2, "crashed", {**LONG, "train.steps": 40})
    require(second.end() == 0, "the lock of a crashed run is not taken over", second)
    require(re.search(rf"was left by process {owner} on .*, which is gone", second.text()) is not None,
            "nothing is said of the crashed owner", second)


def nothing_left_to_do(folder):
    require(start(folder, "short", "short", SHORT).end() == 0, "the run fails")
    again = start(folder, "short-again", "short", SHORT)
    require(again.end() == 0 and "the run has reached train.steps (2)" in again.text(),
            "a run that is complete does not say so", again)


def lone_processes(folder):
    step = {"SLURM_JOB_ID": "31", "SLURM_STEP_ID": "4", "SLURM_STEP_NUM_TASKS": "3"}
    for rank in range(2):
        require_refused(start(folder, f"lone-{rank}", "lone", SHORT, environment={**step, "SLURM_PROCID": str(rank)}),
                        "3 processes", "SLURM_STEP_NUM_TASKS", "--mpi=pmix")
    require_refused(start(folder, "hydra", "lone", SHORT, environment={"PMI_SIZE": "2", "PMI_RANK": "0"}),
                    "2 processes", "PMI_SIZE", "Open MPI")
    require(not (folder / "lone").exists(), "a lone process has made the run's folder")
    # In a batch script, and under mpirun, whose daemons are one step of Slurm, all is well.
    batch = {"SLURM_JOB_ID": "31", "SLURM_NTASKS": "8", "SLURM_PROCID": "0"}
    require(start(folder, "batch", "batch", SHORT, environment=batch).end() == 0, "refused in a batch script")
    daemons = {**step, "SLURM_PROCID": "0"}
    run = pretrain(folder, 1, "daemons", SHORT, environment=daemons)
    require(run.end() == 0, "one rank of mpirun within a step is refused", run)


for name in [name for name in os.environ if name.startswith(("SLURM_", "PMI_"))]:
    del os.environ[name]
with workplace() as folder:
    for ranks in (1, 2):
        beside_a_living_run(folder, ranks)
    after_a_crash(folder)
    nothing_left_to_do(folder)
    lone_processes(folder)
