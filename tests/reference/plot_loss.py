#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""plot_loss.py draws every loss where it belongs, says what is wrong in one sentence, and writes nothing then."""
import json
import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

PROGRAM = pathlib.Path(__file__).resolve().parents[2] / "plot_loss.py"
SVG = "{http://www.w3.org/2000/svg}"


def run(*arguments):
    return subprocess.run([sys.executable, PROGRAM, *arguments], capture_output=True, text=True, check=False)


def write_run(folder, losses):
    """losses: [(kind, step, loss)]"""
    folder.mkdir()
    lines = [json.dumps({"kind": kind, "step": step, "loss": loss}) for kind, step, loss in losses]
    (folder / "metrics.jsonl").write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return folder


def drawn(folder, picture="loss.svg"):
    """The points of each line of a picture, in its order: of losses, training, validation and the corpora."""
    lines = xml.etree.ElementTree.parse(folder / picture).iter(f"{SVG}polyline")
    return [[tuple(map(float, point.split(","))) for point in line.get("points").split()] for line in lines]


def check_curve(root):
    # From 6 to 4 in a straight line, and a first loss far above, which must not flatten the rest.
    train = [("train", step, 6 - step / 50) for step in range(10, 101, 10)]
    folder = write_run(root / "a & b", [("evaluation", 0, 90.0), *train, ("evaluation", 100, 4.5)])
    done = run(str(folder))
    assert done.returncode == 0 and not done.stderr, done
    training, validation = drawn(folder)
    assert len(training) == 10 and len(validation) == 2
    steps = [b[0] - a[0] for a, b in zip(training, training[1:])]
    falls = [b[1] - a[1] for a, b in zip(training, training[1:])]
    assert max(steps) - min(steps) < 0.3 and max(falls) - min(falls) < 0.3, (steps, falls)
    assert training[-1][1] - training[0][1] > 200, "the first loss flattens the curve"
    expected = training[0][1] + (5.8 - 4.5) / (5.8 - 4.0) * (training[-1][1] - training[0][1])
    assert abs(validation[1][1] - expected) < 0.3, (training, validation)
    assert validation[1][0] == training[-1][0]
    rows = [line[8:] for line in done.stdout.splitlines() if "|" in line]
    assert sum(row.count(".") for row in rows) == 10 and sum(row.count("o") for row in rows) == 1, done.stdout
    marks = [(row.index("."), number) for number, row in enumerate(rows) if "." in row]
    assert marks == sorted(marks) and marks[-1][1] - marks[0][1] > 10 and marks[-1][0] == 67, done.stdout


def check_single_step(root):
    folder = write_run(root / "single", [("train", 1, 5.0)])
    assert run(str(folder)).returncode == 0
    assert len(drawn(folder)[0]) == 1


def check_corpora_and_tasks(root):
    # Losses of two corpora 0.5 around their mean, and a task's score that doubles.
    folder = root / "parts"
    folder.mkdir()
    lines = [{"kind": "train", "step": 1, "loss": 9.0}, {"kind": "train", "step": 2, "loss": None}]
    for step in (50, 100):
        corpora = {"de": 4.5 - step / 100, "en": 3.5 - step / 100}
        tasks = {"sort": {"exact_match": step / 2}, "rte": {"f1": None}}
        lines.append({"kind": "evaluation", "step": step, "loss": 4 - step / 100, "corpora": corpora, "tasks": tasks})
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    done = run(str(folder))
    assert done.returncode == 0 and not done.stderr, done
    training, validation, german, english = drawn(folder)
    assert len(training) == 1 and [point[0] for point in german] == [point[0] for point in validation]
    lines = (german, validation, english)
    distances = [below[1] - above[1] for pair in zip(lines, lines[1:]) for above, below in zip(*pair)]
    assert min(distances) > 0 and max(distances) - min(distances) < 0.3, lines
    scores, none = drawn(folder, "scores.svg")
    assert len(scores) == 2 and scores[0][1] - scores[1][1] > 250 and not none, (scores, none)
    assert "+ de, x en" in done.stdout and "percent: . sort exact_match, o rte f1" in done.stdout, done.stdout


def check_faults(root):
    for arguments, code in (([], 2), (["--nonsense"], 2), (["a", "b"], 2), (["--help"], 0)):
        assert run(*arguments).returncode == code, arguments
    folder = write_run(root / "damaged", [("train", 1, 5.0)])
    with open(folder / "metrics.jsonl", "a", encoding="utf-8") as metrics:
        metrics.write('{"kind": "train", "st\n')
    unfinished = write_run(root / "unfinished", [("evaluation", 0, 9.0)])
    for path, words in ((root / "absent", "runs/quickstart"), (folder, "metrics.jsonl:2"), (unfinished, "no training step")):
        done = run(str(path))
        assert done.returncode == 3 and words in done.stderr and done.stderr.count("\n") == 1, done
        assert not (path / "loss.svg").exists()


def main():
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        check_curve(root)
        check_single_step(root)
        check_corpora_and_tasks(root)
        check_faults(root)


main()
