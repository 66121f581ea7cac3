#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs what is missing of a study and writes its table, its plot and its verdicts.

    study.py STUDY.yaml [--binary PROGRAM] [--jobs N] [--output FOLDER] [--only ARM]... [--report]

A study trains each of its arms, variants of one configuration, with each of its seeds (studies/README.md has the
form of the file). A run that was interrupted goes on from its checkpoint; one that is done is not repeated. Then
FOLDER, results/STUDY beside the file where left out, holds ARM-SEED.jsonl with the evaluations of each run, table.md
and plot.svg. --report only writes these from the runs that are done. Exit codes: 0 done; 1 a run failed;
2 wrong use or a wrong study.
"""

import argparse
import concurrent.futures
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

try:
    import yaml
except ImportError:
    sys.exit("study.py: python3-yaml is not installed (apt-get install python3-yaml python3-matplotlib)")
sys.path.insert(0, str(Path(__file__).resolve().parent))
import verdicts  # noqa: E402

KEYS = {"title", "source", "configuration", "set", "seeds", "arms", "claims", "remarks"}


def fail(code, message):
    print(f"study.py: {message}", file=sys.stderr)
    sys.exit(code)


def read_study(path):
    try:
        study = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        fail(2, f"{path} cannot be read: {error}")
    if not isinstance(study, dict) or not KEYS.issuperset(study) or not study.get("arms") or not study.get("seeds"):
        fail(2, f"{path} is no study: it needs arms and seeds, and may have {', '.join(sorted(KEYS))}")
    for claim in study.get("claims", []):
        problem = verdicts.problem_of(claim, study["arms"])
        if problem:
            fail(2, f"{path}: claim {claim}: {problem}")
    return study


def as_text(value):
    """A value as --set takes it: YAML in one line."""
    return json.dumps(value) if not isinstance(value, str) else value


def command_of(study, path, binary, runs, arm, seed):
    """The command that trains an arm with a seed."""
    keys = dict(study.get("set") or {})
    keys.update(study["arms"][arm] or {})
    keys.update({"run.name": f"{arm}-{seed}", "run.directory": str(runs), "run.seed": seed})
    command = [str(binary), "pretrain", str((path.parent / study["configuration"]).resolve())]
    for key, value in keys.items():
        command += ["--set", f"{key}={as_text(value)}"]
    return command


def evaluations(folder):
    """The lines of a run's evaluations, in order of their steps."""
    path = folder / "metrics.jsonl"
    if not path.is_file():
        return []
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line["kind"] == "evaluation"]


def is_done(folder):
    return (folder / "done").is_file()


def run(command, folder, threads):
    """Trains; returns nothing, or what went wrong."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads), OMPI_MCA_hwloc_base_binding_policy="none")
    with open(folder / "study.out", "ab") as output:
        code = subprocess.run(command, stdout=output, stderr=output, env=environment, check=False).returncode
    if code:
        last = (folder / "study.out").read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
        return f"{folder.name} ended with exit code {code}: {' '.join(last)}"
    (folder / "done").touch()
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)  # the numbers are what a study is for
    return None


def run_missing(study, path, options, runs):
    """Trains what is not done, --jobs runs at a time; returns the errors."""
    errors = []
    threads = max(1, len(os.sched_getaffinity(0)) // options.jobs)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        started = {}
        for seed in study["seeds"]:  # all arms with one seed before the next: half a study can be compared
            for arm in study["arms"]:
                folder = runs / f"{arm}-{seed}"
                if is_done(folder) or (options.only and arm not in options.only):
                    continue
                command = command_of(study, path, options.binary, runs, arm, seed)
                started[pool.submit(run, command, folder, threads)] = folder.name
        for future in concurrent.futures.as_completed(started):
            print(f"{started[future]}: {future.result() or 'done'}", flush=True)
            errors += [future.result()] if future.result() else []
    return errors


def collect(study, runs, output):
    """{arm: {seed: evaluations}} of the runs that are done, here or, in `output`, where they were made."""
    curves = {arm: {} for arm in study["arms"]}
    for arm in study["arms"]:
        for seed in study["seeds"]:
            kept = output / f"{arm}-{seed}.jsonl"
            if is_done(runs / f"{arm}-{seed}"):
                lines = evaluations(runs / f"{arm}-{seed}")
                kept.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
            if kept.is_file():
                curves[arm][seed] = [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()]
    return curves


def main():
    parser = argparse.ArgumentParser(prog="study.py", description=__doc__.split("\n")[0])
    parser.add_argument("study", type=Path)
    parser.add_argument("--binary", type=Path, default=Path(__file__).resolve().parent.parent / "build/switchyard")
    parser.add_argument("--jobs", type=int, default=max(1, len(os.sched_getaffinity(0))), help="runs at a time")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--only", action="append", help="train this arm alone; may be repeated")
    parser.add_argument("--report", action="store_true")
    options = parser.parse_args()
    study = read_study(options.study)
    for arm in options.only or []:
        if arm not in study["arms"]:
            fail(2, f"--only {arm}: the study has the arms {', '.join(study['arms'])}")
    output = options.output or options.study.parent / "results" / options.study.stem
    output.mkdir(parents=True, exist_ok=True)
    runs = options.study.parent / "runs" / options.study.stem if not options.output else options.output / "runs"
    errors = [] if options.report else run_missing(study, options.study, options, runs)
    curves = collect(study, runs, output)
    table = verdicts.table(study, curves)
    (output / "table.md").write_text(table, encoding="utf-8")
    verdicts.plot(study, curves, output / "plot.svg")
    print(table)
    if errors:
        fail(1, "; ".join(errors))


if __name__ == "__main__":
    main()
