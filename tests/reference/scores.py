#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Scores random answers as scikit-learn, scipy, sacrebleu, rouge_score and SQuAD's scorer do.

  python3 -m venv build/scores-venv
  build/scores-venv/bin/pip install -r tests/reference/scores_requirements.txt
  build/scores-venv/bin/python tests/reference/scores.py --write tests/tasks/scores.json
  build/scores-venv/bin/python tests/reference/scores.py --program build/switchyard --seed 7 --answers 5000

--write makes the vectors that tests/tasks/scores_test.cpp compares with; they are a function of seed and
number of answers. --program compares `switchyard score` on answers of another seed. Exit code 1: they differ.
"""
import argparse
import json
import math
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import score_answers  # noqa: E402
import score_definitions  # noqa: E402

BATCH = 20


def batch_scores(definition, answer_set, begin, end):
    answers = [answer_set.answer(i) for i in range(begin, end)]
    return definition(answers, answer_set.labels)


def score_set(answer_set):
    """{metric: {score: [of each batch]}}; NaN becomes null."""
    size = answer_set.batch or len(answer_set.rows)
    result = {}
    for metric in answer_set.metrics:
        scores = {}
        for begin in range(0, len(answer_set.rows), size):
            end = min(begin + size, len(answer_set.rows))
            definition = score_definitions.METRICS[metric]
            for name, value in batch_scores(definition, answer_set, begin, end).items():
                scores.setdefault(name, []).append(None if math.isnan(value) else float(value))
        result[metric] = scores
    return result


def write(sets, path):
    documents = []
    for answer_set in sets:
        documents.append(answer_set.document() | {"scores": score_set(answer_set)})
    lines = [json.dumps(document, ensure_ascii=True, separators=(",", ":")) for document in documents]
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n")
    print(f"{path}: {sum(len(s.rows) for s in sets)} answers, {path.stat().st_size} bytes")


def run_program(program, folder, metric, answer_set):
    predictions, targets = folder / "predictions.jsonl", folder / "targets.jsonl"
    answers = [answer_set.answer(i) for i in range(len(answer_set.rows))]
    predictions.write_text("".join(json.dumps(a.prediction) + "\n" for a in answers))
    targets.write_text("".join(
        json.dumps({"targets": a.targets, "group": a.group, "right": a.right}) + "\n" for a in answers))
    command = [program, "score", metric, "--predictions", predictions, "--targets", targets, "--json"]
    if answer_set.labels:
        command += ["--labels", ",".join(answer_set.labels)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["scores"]


def is_close(ours, theirs):
    if ours is None or math.isnan(theirs):
        return ours is None and math.isnan(theirs)
    return math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-9)


def compare(sets, program):
    differ = 0
    with tempfile.TemporaryDirectory() as folder:
        for answer_set in sets:
            for metric in answer_set.metrics:
                ours = run_program(program, pathlib.Path(folder), metric, answer_set)
                definition = score_definitions.METRICS[metric]
                theirs = batch_scores(definition, answer_set, 0, len(answer_set.rows))
                equal = ours.keys() == theirs.keys() and all(is_close(ours[k], theirs[k]) for k in theirs)
                differ += not equal
                theirs = {key: float(value) for key, value in theirs.items()}
                print(f"{'equal ' if equal else 'DIFFER'} {answer_set.name} {metric} {ours}" + (
                    "" if equal else f" here {theirs}"))
    return differ


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--write", type=pathlib.Path)
    parser.add_argument("--program", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--answers", type=int, default=1000, help="of each random set")
    options = parser.parse_args()
    sets = score_answers.random_sets(options.seed, options.answers, BATCH) + score_answers.edge_sets()
    if options.write:
        write(sets, options.write)
    if options.program and compare(sets, options.program.resolve()):
        sys.exit(1)


if __name__ == "__main__":
    main()
