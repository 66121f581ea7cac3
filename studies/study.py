#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs what is missing of a study and writes its table, its plot and its verdicts.

    study.py STUDY.yaml [--binary PROGRAM] [--jobs N] [--output FOLDER] [--only ARM]... [--report]

A study trains each of its arms, variants of one configuration, with each of its seeds (studies/README.md has the
form of the file). A run that was interrupted goes on from its checkpoint; one that is done is not repeated, nor one
that another study has made. Then FOLDER, results/STUDY beside the file where left out, holds ARM-SEED.jsonl with the
metrics of each run, table.md and plot.svg. --report only writes these from the runs that are done. Exit codes: 0 done; 1 a run failed;
2 wrong use or a wrong study.
"""

import argparse
import concurrent.futures
import os
import sys
from pathlib import Path

try:
    import yaml
except ImportError:
    sys.exit("study.py: python3-yaml is not installed (apt-get install python3-yaml python3-matplotlib)")
sys.path.insert(0, str(Path(__file__).resolve().parent))
import plots  # noqa: E402
import runs  # noqa: E402
import verdicts  # noqa: E402
from curves import measured  # noqa: E402

KEYS = {"title", "source", "configuration", "set", "seeds", "bases", "arms", "measure", "claims", "remarks", "against", "plot_by_corpus"}


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
    if not set(study.get("against", {}).get("values", {})) <= set(study["arms"]):
        fail(2, f"{path}: against: its values are numbers of arms")
    if study.get("plot_by_corpus", "losses") not in plots.BY_CORPUS:
        fail(2, f"{path}: plot_by_corpus: is one of {', '.join(plots.BY_CORPUS)}")
    for claim in study.get("claims", []):
        problem = verdicts.problem_of(claim, study["arms"])
        if problem:
            fail(2, f"{path}: claim {claim}: {problem}")
    return study


def run_missing(study, path, options, folder):
    """Trains what is not done, first the bases and what they start from; returns the errors."""
    wanted = [run for run in runs.runs_of(study, path, folder) if not options.only or run.arm in options.only]
    for stage in [*runs.stages_of(study, path, folder), wanted]:
        errors = train_all(stage, path, options)
        if errors:
            return errors
    return []


def train_all(wanted, path, options):
    """Trains what is not done, --jobs runs at a time; returns the errors."""
    errors = []
    threads = max(1, len(os.sched_getaffinity(0)) // options.jobs)
    missing = {}
    for run in wanted:
        if runs.steps_done(run) < run.steps:
            missing.setdefault(run.key, run)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        started = {}
        for run in missing.values():
            label = f"{path.stem}/{run.arm}-{run.seed}"
            started[pool.submit(runs.train, run, options.binary, threads, label)] = label
        for future in concurrent.futures.as_completed(started):
            print(f"{started[future]}: {future.result() or 'done'}", flush=True)
            errors += [f"{started[future]}: {future.result()}"] if future.result() else []
    return errors


def collect(study, path, folder, output):
    """{arm: {seed: lines}} of evaluations, of training and of the sizes of models, of the runs that are done, here or
    where `output` was made."""
    curves, trained, sizes = ({arm: {} for arm in study["arms"]} for _ in range(3))
    for run in runs.runs_of(study, path, folder):
        kept = output / f"{run.arm}-{run.seed}.jsonl"
        if runs.steps_done(run) >= run.steps:
            runs.keep(run, kept)
        lines = runs.kept_lines(run, kept)
        if lines:
            evaluations = [line for line in lines if line["kind"] == "evaluation"]
            curves[run.arm][run.seed] = measured(evaluations, study.get("measure"))
            trained[run.arm][run.seed] = [line for line in lines if line["kind"] == "train"]
            sizes[run.arm][run.seed] = [line for line in lines if line["kind"] == "distilled"]
    return curves, trained, sizes


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
    folder = (options.output or options.study.parent) / "runs"
    errors = [] if options.report else run_missing(study, options.study, options, folder)
    curves, trained, sizes = collect(study, options.study, folder, output)
    table = verdicts.table(study, curves, trained, sizes)
    (output / "table.md").write_text(table, encoding="utf-8")
    plots.plot(study, curves, output / "plot.svg")
    if "against" in study:
        plots.plot_finals(study, curves, output / "finals.svg")
    if "plot_by_corpus" in study:
        plots.BY_CORPUS[study["plot_by_corpus"]](study, curves, output / f"{study['plot_by_corpus']}.svg")
    print(table)
    if errors:
        fail(1, "; ".join(errors))


if __name__ == "__main__":
    main()
