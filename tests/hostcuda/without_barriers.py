#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""without_barriers.py [--races] BUILD [PLACE...]: omits one __syncthreads of the kernels at a time, in execution on the host,
and prints which suite of kernels_tests fails without it and under which schedule. With --races the suites are those of
kernels_tests_watched, which also report the race; without, only a result can differ. A PLACE such as scan.h or scan.h:24
selects some barriers. Takes minutes and is not part of ctest. Exit code 1 if no suite fails for some barrier."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEDULES = ("reverse", "forward", "random", "random:2")
HOST = {"SWITCHYARD_TEST_BACKEND": "cuda", "OMP_NUM_THREADS": "1"}


def barriers(places):
    """file:line of every barrier in the kernels' sources."""
    found = []
    for path in sorted((ROOT / "kernels").rglob("*")):
        if path.suffix not in (".cu", ".h"):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if re.match(r"\s*(if \(.*\) )?__syncthreads\(\);", line):
                found.append(f"{path.relative_to(ROOT)}:{number}")
    return [place for place in found if not places or any(re.search(f"/{re.escape(p)}(:|$)", place) for p in places)]


def run(program, suite, schedule, **more):
    """Whether the suite passes."""
    settings = os.environ | HOST | {"SWITCHYARD_HOSTCUDA_SCHEDULE": schedule} | more
    done = subprocess.run([program, f"[{suite}]", "--abort"], cwd=ROOT, env=settings, capture_output=True, check=False,
                          timeout=600)
    return done.returncode == 0


def suites_by_barrier(program):
    """Barrier -> the suites that reach it, fastest first."""
    meets = {}
    suites = sorted(path.name.removesuffix("_test.cpp") for path in (ROOT / "tests" / "kernels").glob("*_test.cpp"))
    for suite in suites:
        with tempfile.NamedTemporaryFile("r", encoding="utf-8") as notes:
            start = time.monotonic()
            if not run(program, suite, "forward", SWITCHYARD_HOSTCUDA_BARRIERS=notes.name):
                sys.exit(f"kernels_tests [{suite}] fails even with all barriers in place")
            seconds = time.monotonic() - start
            for place in set(notes.read().split()):
                meets.setdefault(place, []).append((seconds, suite))
    return {place: [suite for _, suite in sorted(found)] for place, found in meets.items()}


def missed_by(program, place, suites, schedules):
    for suite in suites:
        for schedule in schedules:
            if not run(program, suite, schedule, SWITCHYARD_HOSTCUDA_WITHOUT=place):
                return f"{suite}, {schedule}"
    return None


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--races"]
    races = len(arguments) < len(sys.argv) - 1
    program, unseen = f"{pathlib.Path(arguments[0]).resolve()}/tests/kernels_tests{'_watched' if races else ''}", []
    schedules = SCHEDULES[:1] if races else SCHEDULES
    meets = suites_by_barrier(program)
    for place in barriers(arguments[1:]):
        suites = next((found for met, found in meets.items() if met.endswith(place)), [])
        missed = missed_by(program, place, suites, schedules)
        print(f"{place}: {'missed by ' + missed if missed else 'NOT MISSED by ' + (', '.join(suites) or 'any')}", flush=True)
        if not missed:
            unseen.append(place)
    print(f"{len(unseen)} not missed")
    sys.exit(bool(unseen))


main()
