# SPDX-License-Identifier: Apache-2.0
"""Faults of the file system during a run: errors of single calls, full, hanging and slow disks, folders that go away."""
import contextlib
import errno
import os
import pathlib
import shutil
import subprocess

from kinds import kind
from trial import require

ERRORS = (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT, errno.ESTALE)


def refused(trial, at, rank=None):
    """One call, or all from one on, are refused by the file system. The message names a file and the system's reason.
    Old checkpoints that cannot be removed are a matter for a warning."""
    number = trial.draws.choice(ERRORS)
    trial.start(trial.draw(at, f"error {number}" + trial.draws.choice(("", " once")), rank))
    code = trial.end()
    if code == 0 and (trial.missed or "warning: cannot" in trial.run.text()):
        return
    require(code == 1, f"with errors of the file system the exit code is {code}")
    # HDF5 opens a file anew that could just be opened, and does not say why it cannot.
    trial.require_message(os.strerror(number), "open failed")
    trial.require_message(str(trial.run_folder))


@kind("disk: error in a save")
def error_in_save(trial):
    refused(trial, "save")


@kind("disk: error in the commit", early=True)
def error_in_commit(trial):
    refused(trial, "commit", rank=0)


@kind("disk: error in other files")
def error_in_records(trial):
    refused(trial, "record", rank=0)


@kind("disk: slow", resumes=False)
def slow(trial):
    fault = trial.draw(trial.draws.choice(("save", "commit")), "slow")
    left = trial.mesh.moments[fault.rank][fault.at] - fault.count + 1
    fault.do = f"slow {max(1, 1500 // left)}"
    trial.start(fault)
    require(trial.end(ends=False) == 0, "a slow disk ends the run")
    trial.require_equal()


@kind("disk: hangs")
def hangs(trial):
    """Calls that never return, on one rank or on all: the watchdog ends the run."""
    rank = trial.draws.choice((None, "all"))
    trial.start(trial.draw(trial.draws.choice(("save", "commit", "text")), "hang", rank))
    code = trial.end()
    require(trial.missed or code in (0, 1), f"with a disk that hangs the exit code is {code}")
    if code == 1:
        trial.require_message("run.hang_timeout_seconds")


def act_at(trial, action):
    """Does something while the run is held at a moment, and lets it go on. Returns the exit code, or None if the run
    ended before."""
    trial.start(trial.draw(trial.draws.choice(("collective", "save", "commit")), "pause"))
    if trial.wait_for_fault() is None:
        require(trial.end() == 0, "an undisturbed run fails")
        return None
    action()
    trial.go()
    return trial.end()


def mount(trial, size=""):
    options = ["-o", f"size={size}"] if size else []
    subprocess.run(["mount", "-t", "tmpfs", *options, "tmpfs", str(trial.place)], check=True)


def unmount(place):
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(trial):
    """Takes what is free on the trial's disk, but for a few pages."""
    with open(trial.place / "filler", "wb", buffering=0) as file:
        with contextlib.suppress(OSError):
            while file.write(bytes(4096)):
                pass
        file.truncate(max(0, file.tell() - 4096 * trial.draws.choice((0, 0, 1, 5, 20))))


@kind("disk: full", mounts=True, early=True)
def full(trial):
    mount(trial, "16m")
    code = act_at(trial, lambda: fill(trial))
    if code is not None:
        require(code == 1, f"on a full disk the exit code is {code}")
        trial.require_message("No space left on device")
        trial.require_message(str(trial.run_folder))
        (trial.place / "filler").unlink()


@kind("disk: goes away", mounts=True)
def goes_away(trial):
    mount(trial)
    kept = trial.folder / "kept"
    kept.mkdir()
    subprocess.run(["mount", "--bind", str(trial.place), str(kept)], check=True)
    code = act_at(trial, lambda: unmount(trial.place))
    if code is not None:
        require(code == 1, f"without its file system the exit code is {code}")
        trial.require_message(str(trial.run_folder))
        require(not trial.run_folder.exists(), "the run has made its folder anew")
        subprocess.run(["mount", "--bind", str(kept), str(trial.place)], check=True)


@kind("disk: read-only at a start", mounts=True)
def read_only(trial):
    mount(trial)
    trial.start(trial.draw("collective", "signal 10 self"))
    trial.end()
    subprocess.run(["mount", "-o", "remount,ro", str(trial.place)], check=True)
    trial.start()
    require(trial.end() == 1, "on a read-only disk the exit code is not 1")
    trial.require_message("Read-only file system")
    subprocess.run(["mount", "-o", "remount,rw", str(trial.place)], check=True)


def gone(trial, action):
    code = act_at(trial, action)
    if code is None:
        return False
    require(code == 1, f"without its folder the exit code is {code}")
    trial.require_message(str(trial.run_folder))
    return True


@kind("folder: moved away", early=True)
def moved(trial):
    away = trial.place / "away"
    if gone(trial, lambda: trial.run_folder.rename(away)):
        require(not trial.run_folder.exists(), "the run has made its folder anew")
        away.rename(trial.run_folder)


@kind("folder: another in its place")
def replaced(trial):
    away = trial.place / "away"

    def swap():
        trial.run_folder.rename(away)
        trial.checkpoints.mkdir(parents=True)

    if gone(trial, swap):
        shutil.rmtree(trial.run_folder)
        away.rename(trial.run_folder)


@kind("folder: removed")
def removed(trial):
    """Whoever removes checkpoints has lost them: the run begins again."""
    def remove():
        trial.run_folder.rename(trial.place / "away")
        shutil.rmtree(trial.place / "away")

    if gone(trial, remove):
        pathlib.Path(trial.folder / "ledger").unlink(missing_ok=True)
