# SPDX-License-Identifier: Apache-2.0
"""One trial of the campaign: a tiny run in a folder of its own, with a fault at a moment that is drawn, and what must
be true of it afterwards."""
import contextlib
import dataclasses
import itertools
import os
import pathlib
import random
import signal
import subprocess
import time

import launch
from meshes import GIVEN, KEEP, LAST

KILL = f"signal {int(signal.SIGKILL)} self"
STOP = f"signal {int(signal.SIGSTOP)} self"
PATIENCE = 180  # seconds allowed for what needs two on an idle machine
GRACE = 10  # seconds beyond run.hang_timeout_seconds until the last process is gone
MOUNTS = bool(os.environ.get("SWITCHYARD_OWN_MOUNTS"))


class Failed(Exception):
    """What a trial found wrong."""


def require(condition, message):
    if not condition:
        raise Failed(message)


@dataclasses.dataclass
class Fault:
    """What happens, and at which moment (moments.h)."""
    at: str
    count: int
    rank: object
    do: str
    delay: int = 0

    def environment(self):
        return {"FAULT_AT": f"{self.at} {self.count}", "FAULT_RANK": str(self.rank), "FAULT_DO": self.do,
                "FAULT_DELAY_US": str(self.delay)}

    def __str__(self):
        later = f" + {self.delay} us" if self.delay else ""
        return f"rank {self.rank}, {self.at} {self.count}{later}: {self.do}"


def processes_with(word):
    """The processes, zombies excepted, whose environment contains the word."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if word in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
    return found


class Trial:
    """place: the run's directory; hang: run.hang_timeout_seconds of a run with a fault; fault, seconds: what was injected,
    and how long the job lived after it; missed: the run ended before the fault's moment."""

    def __init__(self, number, mesh, folder, given):
        self.number, self.mesh = number, mesh
        self.preload, self.hang = given.preload.resolve(), given.hang
        self.draws = random.Random(f"{given.seed}/{number}")
        self.root = folder
        self.folder = folder / "trials" / str(number)
        self.place = self.folder / "runs"
        self.place.mkdir(parents=True)
        self.starts = itertools.count(1)
        self.run, self.mark_file, self.aimed = None, None, False
        self.fault, self.seconds, self.missed = "", None, False
        self.given = {}

    @property
    def run_folder(self):
        return self.place / "run"

    @property
    def checkpoints(self):
        return self.run_folder / "checkpoints"

    def draw(self, at, do, rank=None, delay=0):
        """A fault at one of the moments of this kind of the undisturbed run. Not at its last few: when a checkpoint is
        committed differs a little from run to run, and so do these numbers."""
        ranks = [other for other in range(self.mesh.ranks) if self.mesh.moments[other][at] > 0]
        rank = self.draws.choice(ranks) if rank is None else rank
        total = self.mesh.moments[0 if rank == "all" else rank][at]
        return Fault(at, self.draws.randint(1, max(1, int(total * 0.9))), rank, do, delay)

    def start(self, fault=None, given=None, hang=None, resume="auto"):
        """Starts the run under mpirun, with the fault if one is given."""
        number = next(self.starts)
        self.mark_file = self.folder / f"mark-{number}"
        environment = {"FAULT_MARK": str(self.mark_file), "FAULT_LEDGER": str(self.folder / "ledger"),
                       "FAULT_FOLDER": str(self.run_folder)}
        self.aimed = fault is not None
        if fault:
            environment |= fault.environment()
            self.fault = str(fault)
        given = {**GIVEN, **self.mesh.settings, "run.directory": self.place, "run.name": "run",
                 "run.hang_timeout_seconds": hang or self.hang, **self.given, **(given or {})}
        command = [*launch.MPIRUN, "-x", f"LD_PRELOAD={self.preload}", "-n", self.mesh.ranks, launch.SWITCHYARD,
                   "pretrain", self.root / "tiny.yaml", "--resume", resume, *launch.settings(given)]
        self.run = launch.Run(command, self.folder / f"start-{number}.out", environment)
        return self.run

    def marked(self):
        """(monotonic time, process) of the fault, or None if it has not happened yet."""
        with contextlib.suppress(OSError, ValueError):
            when, pid = self.mark_file.read_text().split()[:2]
            return float(when), int(pid)
        return None

    def wait_for_fault(self):
        """Waits until the fault has happened; returns its process, or None if the run ended without it."""
        limit = time.monotonic() + PATIENCE
        while self.marked() is None and self.run.process.poll() is None:
            require(time.monotonic() < limit, f"no fault within {PATIENCE} s")
            time.sleep(0.005)
        return self.marked()[1] if self.marked() else None

    def go(self):
        """Ends a pause."""
        pathlib.Path(f"{self.mark_file}.go").touch()

    def alive(self):
        return processes_with(f"FAULT_MARK={self.mark_file}\0".encode())

    def end(self, since=None, ends=True):
        """Waits until every process of the job is gone, at most `hang` + GRACE seconds from the fault or from `since`,
        and returns mpirun's exit code. A run that no fault ends (`ends` is false) may take its time."""
        begun = time.monotonic()
        while self.run.process.poll() is None or self.alive():
            now = time.monotonic()
            known = since or (self.marked() or (None,))[0]
            late = now - known > self.hang + GRACE if known and ends else now - begun > PATIENCE
            if late:
                who = self.alive()
                self.clean_up()
                require(False, f"{len(who)} processes are still alive after {now - (known or begun):.1f} s")
            time.sleep(0.01)
        known, code = since or (self.marked() or (None,))[0], self.run.end()
        self.missed = self.missed or (self.aimed and known is None)
        if known and code != 0:
            self.seconds = max(self.seconds or 0.0, time.monotonic() - known)
        return code

    def clean_up(self):
        for pid in self.alive():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.run.process.wait(5)

    def committed(self):
        """The steps of the checkpoints whose folders were renamed, as the preloaded library saw it."""
        ledger = self.folder / "ledger"
        lines = ledger.read_text().splitlines() if ledger.exists() else []
        return sorted({int(line.rpartition("-")[2]) for line in lines if line.startswith("committed ")})

    def require_kept(self):
        """No committed checkpoint is lost, except those that the run itself was to remove; each can be read."""
        wanted = self.committed()[-KEEP:]
        for step in wanted:
            checkpoint = self.checkpoints / f"step-{step:08d}"
            require((checkpoint / "manifest.json").exists(), f"the committed checkpoint of step {step} is lost")
            done = subprocess.run([launch.SWITCHYARD, "inspect", checkpoint, "--verify"], capture_output=True,
                                  text=True, timeout=PATIENCE, check=False)
            require(done.returncode == 0, f"the committed checkpoint of step {step} is damaged: {done.stderr}")

    def require_message(self, *words):
        """There are errors, each one of them is a sentence with one of the words."""
        said = [line for line in self.run.errors() if not line.startswith("  ")]
        require(said, "no error is reported")
        for line in said:
            require(any(word in line for word in words), f"an error that names none of {words}: {line}")

    def resume(self, resume="auto"):
        """Trains to the end without a fault, to the numbers of the undisturbed run."""
        self.start(hang=PATIENCE, resume=resume)
        require(self.run.end(PATIENCE) == 0, "the run does not resume")
        self.require_equal()

    def require_equal(self):
        self.mesh.require_equal(self.run_folder)
        lock = self.run_folder / "lock"
        require(lock.read_text() == "", "the run has ended and still holds its lock")
        left = [path.name for path in self.checkpoints.iterdir() if path.suffix in (".partial", ".trash")]
        require(not left, f"{left} are left over")
        require((self.checkpoints / f"step-{LAST:08d}").is_dir(), "there is no last checkpoint")
