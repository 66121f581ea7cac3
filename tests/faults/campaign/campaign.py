#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""campaign.py PROGRAM PRELOAD N: injects N faults, drawn from a seed over kinds, meshes and moments, into tiny runs."""
import argparse
import concurrent.futures
import contextlib
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import launch
import trial as trials
from kinds import KINDS
from meshes import MESHES, Mesh
import damage, processes, storage, surroundings  # noqa: they register their kinds


class Meshes:
    """Each mesh's undisturbed run, made when it is first needed."""

    def __init__(self, root, preload):
        self.root, self.preload = root, preload
        self.made, self.lock = {}, threading.Lock()

    def get(self, name):
        with self.lock:
            if name not in self.made:
                self.made[name] = Mesh(name, self.root, self.preload)
            return self.made[name]


def choose(words):
    """The kinds of a campaign, in their order."""
    kinds = sorted(KINDS.values(), key=lambda kind: (not kind.early, kind.name))
    left_out = [kind.name for kind in kinds if kind.mounts and not trials.MOUNTS]
    if left_out:
        print("left out, as mounting is not permitted:", "; ".join(left_out))
    return [kind for kind in kinds if words in kind.name and kind.name not in left_out]


def drawn(number, given, kinds):
    """(kind, mesh) of a fault. Kinds take turns, so that each gets its share."""
    chosen = kinds[(number - 1) % len(kinds)]
    meshes = [name for name, (ranks, _) in MESHES.items() if chosen.least_ranks <= ranks <= given.ranks]
    return chosen, random.Random(f"{given.seed}/{number}/mesh").choice(meshes)


def play(number, given, kind, mesh, root):
    """Returns (trial, "" or what is wrong)."""
    trial = trials.Trial(number, mesh, root, given)
    try:
        kind.inject(trial)
        if kind.resumes:
            trial.require_kept()
            trial.resume()
        return trial, ""
    except trials.Failed as failure:
        return trial, str(failure)
    except SystemExit as failure:  # of launch.py
        return trial, str(failure)
    except Exception as failure:  # a mistake of the campaign
        return trial, repr(failure)
    finally:
        trial.clean_up()


def tidy(trial, problem, keep):
    subprocess.run(["umount", "--lazy", "--quiet", str(trial.place)], check=False, stderr=subprocess.DEVNULL)
    if not problem:
        shutil.rmtree(trial.folder, ignore_errors=True)
    elif keep:
        shutil.copytree(trial.folder, keep / str(trial.number), dirs_exist_ok=True)


class Tally:
    """The table: kind, faults, those that came too late, failures, worst time until the job had ended."""

    def __init__(self):
        self.rows = {}

    def add(self, kind, trial, problem):
        row = self.rows.setdefault(kind.name, [0, 0, 0, 0.0])
        row[0] += 1
        row[1] += trial.missed
        row[2] += bool(problem)
        row[3] = max(row[3], trial.seconds or 0.0)

    def print(self):
        print(f"\n{'kind':<46}{'faults':>7}{'missed':>7}{'failed':>7}{'worst end':>11}")
        for name in sorted(self.rows):
            faults, missed, failed, worst = self.rows[name]
            print(f"{name:<46}{faults:>7}{missed:>7}{failed:>7}{f'{worst:.1f} s' if worst else '-':>11}")
        faults, missed, failed = [sum(row[i] for row in self.rows.values()) for i in range(3)]
        worst = max([row[3] for row in self.rows.values()], default=0.0)
        print(f"{'all':<46}{faults:>7}{missed:>7}{failed:>7}{worst:>9.1f} s")
        return failed


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("preload", type=pathlib.Path)
    parser.add_argument("faults", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="this number alone")
    parser.add_argument("--kind", default="", help="only kinds whose name contains this")
    parser.add_argument("--ranks", type=int, default=4, help="at most")
    parser.add_argument("--hang", type=float, default=5, help="run.hang_timeout_seconds; more on a busy machine")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time")
    parser.add_argument("--keep", type=pathlib.Path, help="a folder for what failing runs leave")
    return parser.parse_args()


def one(number, given, kinds, meshes, tally):
    kind, name = drawn(number, given, kinds)
    mesh = meshes.get(name)
    begun = time.monotonic()
    trial, problem = play(number, given, kind, mesh, meshes.root)
    line = f"{number:>4}  {kind.name}, mesh {name}; {trial.fault}"
    line += f"; ended in {trial.seconds:.1f} s" if trial.seconds is not None else ""
    line += f"  ({time.monotonic() - begun:.1f} s)"
    if problem:
        output = trial.run.text() if trial.run else ""
        line += f"\n      FAILED: {problem}\n      again: --seed {given.seed} --only {number}"
        line += f" --ranks {given.ranks}" + (f" --kind '{given.kind}'" if given.kind else "")
        line += "\n" + "".join(f"      | {text}\n" for text in output.splitlines()[-12:])
    tidy(trial, problem, given.keep)
    with meshes.lock:
        print(line, flush=True)
        tally.add(kind, trial, problem)


def end_all(root, tally):
    """On SIGTERM and SIGINT nothing may be left: the runs are in sessions of their own."""
    def end(*_):
        tally.add = lambda *_: None  # what is ended now has not failed
        for pid in trials.processes_with(f"FAULT_LEDGER={root}/".encode()):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(root, ignore_errors=True)
        tally.print()
        sys.stdout.flush()
        os._exit(1)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)


def main():
    given = options()
    kinds = choose(given.kind)
    numbers = [given.only] if given.only else range(1, given.faults + 1)
    tally = Tally()
    with launch.workplace() as root:
        end_all(root, tally)
        meshes = Meshes(root, given.preload.resolve())
        with concurrent.futures.ThreadPoolExecutor(given.jobs) as pool:
            for done in [pool.submit(one, number, given, kinds, meshes, tally) for number in numbers]:
                done.result()
    sys.exit(1 if tally.print() else 0)


if __name__ == "__main__":
    main()
