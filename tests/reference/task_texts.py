#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares `switchyard inspect task` with texts that this file derives from the same data by itself.

    task_texts.py PROGRAM

The rules are those that T5's preprocessors document (docs/tasks.md), written here as regular
expressions over Python's own readers, so that the two have nothing in common. The data are excerpts
of the original files in $SWITCHYARD_SHARED/data/tasks (default: beside the project); without them
the test is skipped (77).
"""
import csv
import json
import os
import pathlib
import re
import struct
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
SPACES = re.compile("[\t\n\f\r ]+")


def padded(text):
    return SPACES.sub(" ", PUNCTUATION.sub(r" \1 ", text))


def example(inputs, targets, group=""):
    return {"inputs": inputs, "targets": targets, "group": group}


def rows(path):
    with open(path, encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


def objects(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.strip():
                yield json.loads(line)


def fields(task, pairs):
    return " ".join([task] + [f"{key}: {text}" for key, text in sorted(pairs.items())])


def mrpc(path):
    for row in rows(path):
        texts = {"sentence1": row["#1 String"], "sentence2": row["#2 String"]}
        classes = ["not_equivalent", "equivalent"]
        yield example(fields("mrpc", texts), [classes[int(row["Quality"])]])


def single(number):
    return struct.unpack("f", struct.pack("f", number))[0]


def stsb(path):
    for row in rows(path):
        texts = {key: row[key] for key in ("sentence1", "sentence2")}
        fifths = round(single(single(float(row["score"])) * 5))  # Python also rounds ties to even
        yield example(fields("stsb", texts), ["%.1f" % (fifths / 5)])


def rte(path):
    for row in objects(path):
        texts = {key: row[key] for key in ("premise", "hypothesis")}
        yield example(fields("rte", texts), [row["label"]])


def copa(path):
    for row in objects(path):
        premise, joint = re.fullmatch("(.*), (because|therefore)", row["query"]).groups()
        choices = [text[:1].upper() + text[1:] for text in row["choices"]]
        texts = {"premise": premise + ".", "question": {"because": "cause", "therefore": "effect"}[joint],
                 "choice1": choices[0], "choice2": choices[1]}
        yield example(fields("copa", texts), ["choice%d" % (row["gold"] + 1)])


def xsum(path):
    for row in objects(path):
        yield example("summarize: " + row["document"], [row["summary"]])


def squad(path):
    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            for question in paragraph["qas"]:
                inputs = " ".join(["question:", padded(question["question"]), "context:",
                                   padded(paragraph["context"])])
                yield example(SPACES.sub(" ", inputs), [padded(a["text"]) for a in question["answers"]])


def stories(folder):
    for path in sorted(folder.glob("*.story")):
        article, highlights = [], []
        part = article
        for line in path.read_text(encoding="utf-8").split("\n"):
            line = line.strip()
            if line.startswith("@highlight"):
                part = highlights
            elif line:
                part.append(line if line[-1] in ".!?'`\")\u2019\u201d" else line + ".")
        if article and highlights:
            yield example("summarize: " + " ".join(article), ["\n".join(highlights)])


def program_says(program, form, path):
    done = subprocess.run([program, "inspect", "task", form, str(path)], capture_output=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{form} {path}: exit code {done.returncode}: {done.stderr.decode()}")
    return [json.loads(line) for line in done.stdout.decode().split("\n") if line]


def compare(form, path, wanted, said):
    for number, (ours, theirs) in enumerate(zip(wanted, said)):
        if ours != theirs:
            sys.exit(f"{form} {path}, example {number}:\n{ours}\n{theirs}")
    if len(wanted) != len(said):
        sys.exit(f"{form} {path}: {len(wanted)} examples are wanted, {len(said)} were printed")
    print(f"{form} {path.name}: {len(said)} examples agree")


def main(program):
    shared = pathlib.Path(os.environ.get("SWITCHYARD_SHARED", ROOT.parent / "shared"))
    tasks = shared / "data" / "tasks"
    if not tasks.is_dir():
        print(f"skipped: no {tasks}")
        sys.exit(77)
    for form, name, derive in [("glue_mrpc", "mrpc/train.tsv", mrpc), ("glue_mrpc", "mrpc/dev.tsv", mrpc),
                               ("glue_stsb", "stsb/train.tsv", stsb), ("glue_stsb", "stsb/dev.tsv", stsb),
                               ("super_glue_rte", "superglue_rte.jsonl", rte),
                               ("super_glue_copa", "copa.jsonl", copa), ("xsum", "xsum-sample.json", xsum),
                               ("squad", "squad-v1.1-excerpt.json", squad),
                               ("cnn_dailymail", "cnn_stories", stories)]:
        compare(form, tasks / name, list(derive(tasks / name)), program_says(program, form, tasks / name))


if __name__ == "__main__":
    main(sys.argv[1])
