#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A run uses the cores that its launcher gave it and no others, with as many threads as the configuration or else the
environment says, but no more than cores."""
import os

from launch import SWITCHYARD, Run, require, settings, workplace

LONG = {"train.steps": 20000, "train.eval_every": 0, "train.checkpoint_every": 0}
ALL = sorted(os.sched_getaffinity(0))
MPIRUN = ["mpirun", "--oversubscribe", "--mca", "btl_vader_single_copy_mechanism", "none"]


def start(folder, name, launcher, given=None, environment=None):
    """The run, once it trains."""
    command = [*launcher, SWITCHYARD, "pretrain", folder / "tiny.yaml",
               *settings({"run.name": name, **LONG, **(given or {})})]
    run = Run(command, folder / f"{name}.out", {"OMP_NUM_THREADS": "", **(environment or {})})
    require(run.wait_for("step 3/"), "the run ended by itself", run)
    return run


def cores_of(run, launcher):
    """The cores of each rank, of its thread that computes."""
    pids = run.ranks().values() if "mpirun" in launcher else [run.process.pid]
    return [sorted(os.sched_getaffinity(pid)) for pid in pids]


def check(folder, name, launcher, expected, said=None, **more):
    run = start(folder, name, launcher, **more)
    cores = cores_of(run, launcher)
    run.kill()
    require(cores == expected, f"{name}: it runs on the cores {cores}, not {expected}", run)
    warned = [line for line in run.text().splitlines() if "warning: " in line and "launcher" in line]
    require((said is None) == (not warned), f"{name}: it says {warned}", run)
    require(said is None or said in warned[0], f"{name}: '{said}' is not in {warned}", run)
    print(f"{name}: {cores} {warned or ''}")


def granted_to(core):
    return ["taskset", "-c", str(core)]


def check_unequal(folder):
    """Ranks with one thread and with two decide alike whether the run is long enough to measure the machine first: by their
    own threads, 160,000 steps would take 85 s and 42 s, and 60 are enough."""
    words = [SWITCHYARD, "pretrain", folder / "tiny.yaml",
             *settings({"run.name": "unequal", **LONG, "train.steps": 160000, "run.hang_timeout_seconds": 20})]
    ranks = [["-n", "1", "-x", f"OMP_NUM_THREADS={threads}", *words] for threads in (1, 2)]
    run = Run([*MPIRUN, "--bind-to", "none", *ranks[0], ":", *ranks[1]], folder / "unequal.out")
    require(run.wait_for("step 1/"), "it does not start", run)
    require("planned: " in run.text(), "the machine was not measured", run)
    run.kill()


with workplace() as folder:
    last = ALL[-1]
    check(folder, "alone", [], [ALL])
    check(folder, "one-core", granted_to(last), [[last]])
    check(folder, "more-threads", granted_to(last), [[last]], "run.threads: 3,", given={"run.threads": 3})
    check(folder, "environment", granted_to(last), [[last]], "OMP_NUM_THREADS: 4,",
          environment={"OMP_NUM_THREADS": "4"})
    # The configuration is asked first, so the environment's 4 is nowhere mentioned.
    check(folder, "configured", granted_to(last), [[last]], given={"run.threads": 1},
          environment={"OMP_NUM_THREADS": "4"})
    # mpirun binds one rank to one core by itself, which leaves the rank all of mpirun's cores.
    check(folder, "mpirun", [*MPIRUN, "-n", "1"], [ALL])
    check(folder, "asked-binding", [*MPIRUN, "--bind-to", "core", "-n", "1"], [ALL[:1]])
    check(folder, "narrow-mpirun", [*granted_to(last), *MPIRUN, "--bind-to", "none", "-n", "1"], [[last]])
    check_unequal(folder)
