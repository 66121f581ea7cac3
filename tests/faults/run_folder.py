#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run_folder.py PROGRAM SLOW_DISK: a run's folder that is moved away ends the run, at once even while a slow disk writes a
checkpoint, and brought back it resumes. A damaged newest checkpoint is set aside by --resume auto, which goes on from
the one before; the only one is refused. One that a rank cannot read is left alone."""
import shutil
import sys

from launch import checkpoints, pretrain, require, require_same_metrics, workplace

GIVEN = {"train.steps": 40, "train.eval_every": 0, "train.checkpoint_every": 10}


def damage(checkpoint):
    """Flips a bit in the middle of the last shard."""
    shard = max(checkpoint.glob("shard-*.h5"))
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 0x40
    shard.write_bytes(data)


def check_moved(folder):
    given = {**GIVEN, "train.steps": 20000}
    run = pretrain(folder, 2, "moved", given)
    require(run.wait_for("step 35/"), "the run ended by itself", run)
    (folder / "moved").rename(folder / "elsewhere")
    require(run.end() == 1, "a run whose folder is gone goes on", run)
    # A checkpoint that is being written may notice it first.
    said = ("was moved or removed while the run was writing", f"cannot write {folder}/moved/checkpoints")
    require(any(word in line for line in run.errors() for word in said), "the message does not say what happened", run)
    (folder / "elsewhere").rename(folder / "moved")
    newest = max(checkpoints(folder, "moved"))
    run = pretrain(folder, 2, "moved", {**given, "train.steps": newest + 10})
    require(run.end() == 0 and f"at step {newest}\n" in run.text(), "it does not resume", run)


def check_error_does_not_wait(folder):
    """Rank 0 notices that the folder is gone while its disk needs minutes for a checkpoint."""
    every = 500
    given = {"train.steps": 20000, "train.eval_every": 0, "train.checkpoint_every": every}
    slow = ["-x", f"LD_PRELOAD={sys.argv[2]}", "-x", "SLOW_FSYNC_MS=300000", "-x", "SLOW_FSYNC_OF=/checkpoints/"]
    for ranks in (1, 2):
        name = f"slow-{ranks}"
        run = pretrain(folder, ranks, name, given, mpi=slow)
        require(run.wait_for(f"step {every + 2}/"), "the run ended by itself", run)
        (folder / name).rename(folder / f"{name}-elsewhere")
        require(run.end(30) == 1, "the exit code", run)
        require(any("was moved or removed" in line for line in run.errors()), "the message", run)


def check_damaged(folder):
    require(pretrain(folder, 2, "straight", GIVEN).end() == 0, "the undisturbed run fails")
    require(pretrain(folder, 2, "damaged", {**GIVEN, "train.steps": 30}).end() == 0, "the first part fails")
    for step in (30, 20):
        damage(checkpoints(folder, "damaged")[step])
    run = pretrain(folder, 2, "damaged", GIVEN)
    require(run.end() == 0, "the run stops at a damaged checkpoint", run)
    for step, earlier in ((30, 20), (20, 10)):
        require(f"step-000000{step}/shard-00001.h5" in run.text() and f"goes on from step {earlier}" in run.text(),
                f"step {step} is not said to be damaged", run)
    require("at step 10\n" in run.text(), "it does not resume from step 10", run)
    require_same_metrics(folder, "straight", "damaged")
    require(len(list((folder / "damaged/checkpoints").glob("set-aside-*/step-*"))) == 2, "they were not kept", run)


def check_unreadable(folder):
    """A file that one rank cannot read for a moment is read again. One that rank 0 alone can read ends the run, and
    stays where it is."""
    require(pretrain(folder, 2, "unreadable", {**GIVEN, "train.steps": 20}).end() == 0, "the first part fails")
    for times, code in ((1, 0), (1000, 1)):
        bad = ["-x", f"LD_PRELOAD={sys.argv[2]}", "-x", "OPEN_ON=1", "-x", f"FAIL_OPENS={times}",
               "-x", "OPEN_OF=step-00000020/shard"]
        run = pretrain(folder, 2, "unreadable", {**GIVEN, "train.steps": 20}, mpi=bad)
        require(run.end() == code, f"{times} openings fail: not exit code {code}", run)
        require("set-aside" not in run.text() and 20 in checkpoints(folder, "unreadable"), "it was moved", run)
    require(len(run.errors()) == 1 and "rank 1: cannot read" in run.errors()[0] and
            "Input/output error; rank 0 reads the same" in run.errors()[0], "the message", run)


def check_moved_while_read(folder):
    """The run's own checkpoint as initial weights: it is moved aside once every rank has read it."""
    slow = ["-x", f"LD_PRELOAD={sys.argv[2]}", "-x", "OPEN_ON=1", "-x", "SLOW_OPEN_MS=300", "-x", "OPEN_OF=/step-00000020/"]
    given = {**GIVEN, "train.steps": 10, "train.initialize_from": checkpoints(folder, "unreadable")[20]}
    run = pretrain(folder, 2, "unreadable", given, mpi=slow, resume="none")
    require(run.end() == 0 and "its later checkpoints were moved" in run.text(), "it was moved while it was read", run)


def check_without_manifest(folder):
    require(pretrain(folder, 2, "bare", {**GIVEN, "train.steps": 20}).end() == 0, "the first part fails")
    (checkpoints(folder, "bare")[20] / "manifest.json").unlink()
    run = pretrain(folder, 2, "bare", {**GIVEN, "train.steps": 20})
    require(run.end() == 0, "the run stops", run)
    log = (folder / "bare/log.txt").read_text()
    require("step-00000020 is not a committed checkpoint: it has no manifest.json" in log and
            "goes on from step 10" in log, "it is not said to be damaged", run)
    require(len(list((folder / "bare/checkpoints").glob("set-aside-1/step-00000020/shard-*.h5"))) == 2,
            "it was not kept", run)


def check_only_one(folder):
    for spoil in (damage, lambda checkpoint: (checkpoint / "manifest.json").unlink()):
        require(pretrain(folder, 2, "single", {**GIVEN, "train.steps": 10}).end() == 0, "the first part fails")
        checkpoint = checkpoints(folder, "single")[10]
        spoil(checkpoint)
        run = pretrain(folder, 2, "single", GIVEN)
        require(run.end() == 3, "the exit code is not 3", run)
        require(len(run.errors()) == 1 and "--resume none" in run.errors()[0], "no single message with a remedy", run)
        require(len(list(checkpoint.glob("shard-*.h5"))) == 2, "the checkpoint is gone", run)
        shutil.rmtree(folder / "single")


with workplace() as folder:
    check_moved(folder)
    check_error_does_not_wait(folder)
    check_damaged(folder)
    check_unreadable(folder)
    check_moved_while_read(folder)
    check_without_manifest(folder)
    check_only_one(folder)
