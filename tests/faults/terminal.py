#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""terminal.py PROGRAM SLOW_DISK: what a terminal does to a run: Ctrl-C and hanging up commit a checkpoint, a second Ctrl-C ends at once, nohup is
respected, and a reader of the output that goes away does not end the run."""
import collections
import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time

from launch import PATIENCE, SWITCHYARD, Run, checkpoints, pretrain, require, settings, verify, workplace

SLOW_DISK = sys.argv[2]
LONG = {"train.steps": 20000, "train.eval_every": 0, "train.checkpoint_every": 0}


@contextlib.contextmanager
def dispositions(how):
    """What a process started meanwhile does on SIGINT and SIGHUP, unless it says otherwise."""
    before = {number: signal.signal(number, how) for number in (signal.SIGINT, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def start(folder, name, how=signal.SIG_DFL, environment=None):
    with dispositions(how):
        run = Run([SWITCHYARD, "pretrain", folder / "tiny.yaml", *settings({"run.name": name, **LONG})],
                  folder / f"{name}.out", environment)
    require(run.wait_for("step 3/"), "the run ended by itself", run)
    return run


def require_stopped(folder, run, said):
    code = run.end()
    require(code == 75, f"{run.out.stem}: the exit code is {code}", run)
    kept = checkpoints(folder, run.out.stem)
    require(len(kept) == 1, f"{run.out.stem}: checkpoints {sorted(kept)}", run)
    require(f"stopped by {said} after step {max(kept)}: the checkpoint is committed" in run.text(),
            f"{run.out.stem}: it does not say that {said} stopped it", run)
    verify(kept[max(kept)])
    print(f"{run.out.stem}: stopped by {said} after step {max(kept)}")


def once(folder, number):
    run = start(folder, f"alone-{number.name}")
    run.signal(number)
    require_stopped(folder, run, number.name)


def to_a_rank(folder, number, rank):
    with dispositions(signal.SIG_DFL):
        run = pretrain(folder, 2, f"rank-{rank}-{number.name}", LONG)
    require(run.wait_for("step 3/"), "the run ended by itself", run)
    run.signal(number, rank)
    require_stopped(folder, run, number.name if rank == 0 else "a signal to another rank")


def threads_by_signals(run):
    """{(signals blocked, signals with a handler): threads of the run}, of those that a run notes."""
    noted = sum(1 << (number - 1) for number in (signal.SIGHUP, signal.SIGINT, signal.SIGUSR1, signal.SIGTERM))
    found = collections.Counter()
    for task in pathlib.Path(f"/proc/{run.process.pid}/task").iterdir():
        words = dict(line.split(":", 1) for line in (task / "status").read_text().splitlines())
        found[tuple(int(words[word], 16) & noted for word in ("SigBlk", "SigCgt"))] += 1
    return found, noted


def no_handler_where_it_computes(folder):
    """One thread waits for the signals; to all others they are blocked, and nobody has a handler."""
    run = start(folder, "threads", environment={"OMP_NUM_THREADS": "2"})
    found, noted = threads_by_signals(run)
    require(set(found) == {(noted, 0), (0, 0)} and found[0, 0] == 1, f"threads by what they block and catch: {found}", run)
    run.signal(signal.SIGTERM)
    require_stopped(folder, run, "SIGTERM")


def hang_up_twice(folder):
    """A shell passes a hang-up on to its jobs, which get another one from the kernel."""
    run = start(folder, "hung-up-twice")
    run.signal(signal.SIGHUP)
    run.signal(signal.SIGHUP)
    require_stopped(folder, run, "SIGHUP")


def interrupt_twice(folder):
    """The disk is slow, so that the second signal comes while the checkpoint is being written."""
    run = start(folder, "twice", environment={"LD_PRELOAD": SLOW_DISK, "SLOW_FSYNC_MS": "20000"})
    run.signal(signal.SIGINT)
    require(run.wait_for("Ctrl-C again ends at once"), "nobody is told of the second Ctrl-C", run)
    time.sleep(0.2)
    run.signal(signal.SIGINT)
    code = run.end(5)
    require(code == -signal.SIGINT, f"after a second Ctrl-C the exit code is {code}", run)
    require(not checkpoints(folder, "twice"), "the checkpoint was committed before the second Ctrl-C", run)
    print(f"a second Ctrl-C: exit code {code}")


def ignored(folder):
    """Under nohup, and as a background job of a script, the run goes on."""
    run = start(folder, "nohup", signal.SIG_IGN)
    seen = run.text().count("step ")
    for number in (signal.SIGHUP, signal.SIGINT):
        run.signal(number)
    limit = time.monotonic() + PATIENCE
    while run.text().count("step ") < seen + 5:
        require(run.process.poll() is None and time.monotonic() < limit, "an ignored signal ended the run", run)
        time.sleep(0.01)
    run.signal(signal.SIGTERM)
    require_stopped(folder, run, "SIGTERM")


def lost_reader(folder):
    """Ctrl-C ends a `tee` behind the run first. What the run prints afterwards is lost; the checkpoint is not."""
    ours, theirs = os.pipe()
    with dispositions(signal.SIG_DFL):
        process = subprocess.Popen(
            [SWITCHYARD, "pretrain", folder / "tiny.yaml", *settings({"run.name": "unread", **LONG})],
            stdout=theirs, stderr=theirs, stdin=subprocess.DEVNULL, start_new_session=True)
    os.close(theirs)
    text = b""
    while b"step 3/" not in text:
        more = os.read(ours, 4096)
        require(more, f"the run ended by itself:\n{text.decode()}")
        text += more
    os.close(ours)
    process.send_signal(signal.SIGINT)
    code = process.wait(PATIENCE)
    require(code == 75 and len(checkpoints(folder, "unread")) == 1, f"without a reader the exit code is {code}")
    print("a reader that is gone: 75")


with workplace() as folder:
    for number in (signal.SIGINT, signal.SIGHUP):
        once(folder, number)
    to_a_rank(folder, signal.SIGINT, 0)
    to_a_rank(folder, signal.SIGHUP, 1)
    no_handler_where_it_computes(folder)
    hang_up_twice(folder)
    interrupt_twice(folder)
    ignored(folder)
    lost_reader(folder)
