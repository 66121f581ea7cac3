#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two hosts of two ranks give the metrics of four ranks on one host, to the last digit: on a quick wire, and on one that
delays every frame by 2 ms and loses some."""
import pathlib
import sys

from hosts import Hosts

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "faults"))
import launch

DELAY_MS, LOSS = 2, 0.02
GIVEN = {"train.steps": 8, "train.eval_every": 4, "train.checkpoint_every": 4}


def train(folder, name, mpi=()):
    run = launch.pretrain(folder, 4, name, GIVEN, mpi)
    code = run.end()
    launch.require(code == 0, f"{name}: the exit code is {code}", run)
    return run


hosts = Hosts(2)
with launch.workplace() as folder:
    train(folder, "one-host")
    train(folder, "two-hosts", hosts.mpi(2))
    launch.require_same_metrics(folder, "one-host", "two-hosts")
    hosts.slow_down(DELAY_MS, LOSS)
    train(folder, "slow-wire", hosts.mpi(2))
    forwarded, lost = hosts.frames()
    print(f"slow wire: {forwarded} frames forwarded, {lost} lost")
    launch.require(lost > 0, "the wire lost nothing")
    launch.require_same_metrics(folder, "one-host", "slow-wire")
