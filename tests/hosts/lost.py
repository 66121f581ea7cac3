#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lost.py PROGRAM HOW: of two hosts the second is cut off, with or without mpirun's keepalives, or one of its ranks is
killed. Every process of the run ends on both hosts, mpirun included, soon after the watchdog would speak, and the output
names host or rank. The first host then resumes alone from the newest checkpoint."""
import os
import pathlib
import re
import signal
import sys
import time

import hosts

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "faults"))
import launch
from launch import require

# How a host is lost: (run.hang_timeout_seconds, seconds more until all must have ended, keepalives, what must be said of
# it). The keepalives need 4 seconds, a launcher that nobody answers is given 7 after its ranks.
WAYS = {"cut_off": (12, 10, True, r"Remote daemon.* on node h2"),
        "cut_off_unnoticed": (3, 20, False, r"\[rank \d/4 h\d\] error: .* has waited 3 s"),
        "killed": (3, 10, True, r"process rank [23] .*on node h2 exited on signal 9")}
PROGRAM = pathlib.Path(launch.SWITCHYARD).name


def living():
    """{process: its host} of everything that belongs to a run."""
    return hosts.programs(PROGRAM) | hosts.programs("mpirun") | hosts.programs("orted")


def lose(net, how):
    ranks = hosts.programs(PROGRAM)
    require(sorted(ranks.values()) == [1, 1, 2, 2], f"the ranks are on the hosts {ranks}")
    if how == "killed":
        os.kill(next(pid for pid, host in ranks.items() if host == 2), signal.SIGKILL)
    else:
        net.cut_off(2)


def run_and_lose(net, folder, how):
    limit, patience, keepalive, said = WAYS[how]
    given = {"train.steps": 20000, "train.eval_every": 0, "train.checkpoint_every": 10,
             "run.hang_timeout_seconds": limit}
    run = launch.pretrain(folder, 4, how, given, net.mpi(2, keepalive=keepalive))
    require(run.wait_for("step 15/"), "the run ended by itself", run)
    begun = time.monotonic()
    lose(net, how)
    code = run.end(limit + patience)
    require(code not in (0, 75), f"the exit code is {code}", run)
    while living():
        require(time.monotonic() < begun + limit + patience, f"left over, with their hosts: {living()}", run)
        time.sleep(0.1)
    print(f"{how}: all ended after {time.monotonic() - begun:.1f} s, mpirun with {code}")
    require(re.search(said, run.text()) is not None, f"the output does not mention '{said}'", run)


def go_on_alone(net, folder, how):
    kept = launch.checkpoints(folder, how)
    launch.verify(kept[max(kept)])
    last = max(kept) + 5
    run = launch.pretrain(folder, 2, how, {"train.steps": last, "train.eval_every": 0}, net.mpi(2, hosts=[1]))
    code = run.end()
    require(code == 0, f"the resumed run ends with {code}", run)
    require(f"at step {max(kept)}\n" in run.text(), f"it does not resume from step {max(kept)}", run)
    require(max(launch.checkpoints(folder, how)) == last, "it does not reach its last step", run)


way = sys.argv[2]
network = hosts.Hosts(2)
with launch.workplace() as place:
    run_and_lose(network, place, way)
    go_on_alone(network, place, way)
