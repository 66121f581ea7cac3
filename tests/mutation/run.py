#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Mutation tests: plants one error at a time in a copy of the tree and checks that a test fails.

  tests/mutation/run.py OUT [--only TEXT ...] [--jobs N]
  tests/mutation/run.py --list [--only TEXT ...]      prints the faults
  tests/mutation/run.py --check                       checks that every fault can still be planted; no build

Reads the faults from tests/mutation/*.txt, copies the tree to OUT/tree and builds there, so that this tree stays
unchanged. For each fault it changes the copy, builds the fault's targets and runs the tests that should fail.
OUT/results.txt has one line per fault: caught (a test failed), SURVIVED (all passed), or BROKEN (the text is no
longer in the file, the code did not compile, or the tests fail even without the fault). Results of an earlier run in
OUT are kept; remove a line to run its fault again. Run it by hand: it takes hours.
Exit codes: 0 at least 95 % caught and none broken, or with --check all can be planted; 1 otherwise; 2 wrong usage.

A fault is
  id: clip-ignored
  file: kernels/grad_clip/grad_clip_rule.h
  - the lines to replace, each after "- "; together they occur exactly once in the file
  + the lines that replace them
  build: train_mpi_tests
  test: ^train.step_numbers
  why: one line, only for a fault that is expected to survive
"""
import argparse
import dataclasses
import pathlib
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LIMIT = 900  # seconds for the tests of one fault; a hang counts as caught


@dataclasses.dataclass
class Fault:
    id: str
    group: str  # name of the file in tests/mutation
    file: str = ""
    old: list = dataclasses.field(default_factory=list)
    new: list = dataclasses.field(default_factory=list)
    build: str = ""
    test: str = ""
    why: str = ""


def read_faults():
    faults = []
    for path in sorted(HERE.glob("*.txt")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            key, _, value = line.partition(": ")
            if line.startswith("#") or not line.strip():
                continue
            if key == "id":
                faults.append(Fault(value.strip(), path.stem))
            elif line.startswith(("- ", "+ ")) or line in "-+":
                (faults[-1].old if line[0] == "-" else faults[-1].new).append(line[2:])
            elif key in ("file", "build", "test", "why"):
                setattr(faults[-1], key, value.strip())
            else:
                sys.exit(f"{path.name}:{number}: unknown line: {line}; see run.py for the format")
    ids = [fault.id for fault in faults]
    for fault in faults:
        if ids.count(fault.id) > 1 or not (fault.file and fault.old and fault.test):
            sys.exit(f"{fault.id}: the id is used twice, or file, text or test is missing")
    return faults


def misfit(fault, root):
    """Why the fault cannot be planted in the tree `root`; empty if it can."""
    path = root / fault.file
    if not path.is_file():
        return f"there is no {fault.file}"
    count = path.read_text(encoding="utf-8").count("\n".join(fault.old))
    return "" if count == 1 else f"its text occurs {count} times in {fault.file}"


class Tree:
    """The copy in which faults are planted."""

    def __init__(self, out, jobs):
        self.path, self.jobs, self.log = out / "tree", str(jobs), out / "log.txt"
        self.path.mkdir(parents=True, exist_ok=True)
        self.copy()
        self.run(["cmake", "--preset", "release", "-DSY_TESTS=ON"], check=True)

    def copy(self):
        """Copies only files that differ, so that the build of the others stays valid."""
        names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
        for name in names.stdout.rstrip("\0").split("\0"):
            source, target = ROOT / name, self.path / name
            if target.exists() and target.read_bytes() == source.read_bytes():
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)

    def run(self, command, check=False, limit=None):
        with open(self.log, "a", encoding="utf-8") as log:
            log.write(f"\n$ {' '.join(command)}\n")
            log.flush()
            return subprocess.run(command, cwd=self.path, stdout=log, stderr=log, timeout=limit,
                                  check=check).returncode

    def build(self, targets):
        if not targets:
            return True
        return self.run(["cmake", "--build", "build", "-j", self.jobs, "--target", *targets.split()]) == 0

    def passes(self, test):
        try:
            command = ["ctest", "--test-dir", "build", "-R", test, "--output-on-failure", "--no-tests=error",
                       "--stop-on-failure"]
            return self.run(command, limit=LIMIT) == 0
        except subprocess.TimeoutExpired:
            return False


def try_fault(tree, fault, sound):
    if reason := misfit(fault, tree.path):
        return "BROKEN", reason
    path = tree.path / fault.file
    text = path.read_text(encoding="utf-8")
    old, new = "\n".join(fault.old), "\n".join(fault.new)
    key = (fault.build, fault.test)
    if key not in sound:
        sound[key] = tree.build(fault.build) and tree.passes(fault.test)
    if not sound[key]:
        return "BROKEN", "the tests fail even without the fault"
    try:
        path.write_text(text.replace(old, new), encoding="utf-8")
        if not tree.build(fault.build):
            return "BROKEN", "does not compile"
        return ("SURVIVED", fault.why) if tree.passes(fault.test) else ("caught", fault.test)
    finally:
        path.write_text(text, encoding="utf-8")


def summary(results):
    count = {word: sum(line[1] == word for line in results.values()) for word in ("caught", "SURVIVED", "BROKEN")}
    tried = count["caught"] + count["SURVIVED"]
    share = count["caught"] / tried if tried else 0.0
    print(f"{count['caught']} of {tried} faults caught ({share:.1%}), {count['SURVIVED']} survived, "
          f"{count['BROKEN']} broken")
    return share >= 0.95 and count["BROKEN"] == 0


def main():
    parser = argparse.ArgumentParser(description="plants errors one at a time and checks that a test fails")
    parser.add_argument("out", type=pathlib.Path, nargs="?", help="directory for the copy of the tree and the results")
    parser.add_argument("--only", action="append", help="only faults whose FILE/ID contains this; may be repeated")
    parser.add_argument("--list", action="store_true", help="only print the faults")
    parser.add_argument("--check", action="store_true", help="only check that every fault can be planted")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    only = options.only or [""]
    faults = [fault for fault in read_faults() if any(part in f"{fault.group}/{fault.id}" for part in only)]
    if options.list:
        for fault in faults:
            print(f"{fault.id:40} {fault.file:44} {fault.test}")
        print(f"{len(faults)} faults")
        return 0
    if options.check:
        misfits = [f"{fault.group}/{fault.id}: {reason}" for fault in faults if (reason := misfit(fault, ROOT))]
        print(*misfits, f"{len(faults)} faults, {len(misfits)} of them cannot be planted", sep="\n")
        return 1 if misfits else 0
    if options.out is None:
        parser.error("name a directory OUT for the copy of the tree and the results")
    options.out.mkdir(parents=True, exist_ok=True)
    results_path = options.out / "results.txt"
    results = {}
    if results_path.exists():
        results = {line.split("\t")[0]: line.split("\t") for line in results_path.read_text().splitlines()}
    tree, sound = Tree(options.out.resolve(), options.jobs), {}
    for fault in faults:
        if fault.id in results:
            continue
        start = time.monotonic()
        word, note = try_fault(tree, fault, sound)
        results[fault.id] = [fault.id, word, note]
        with open(results_path, "a", encoding="utf-8") as file:
            file.write(f"{fault.id}\t{word}\t{note}\n")
        print(f"{fault.id:40} {word:9} {time.monotonic() - start:4.0f} s  {note}", flush=True)
    return 0 if summary({f.id: results[f.id] for f in faults}) else 1


sys.exit(main())
