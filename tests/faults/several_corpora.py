#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A run on three corpora: the loss of each is in the metrics and in what `evaluate` prints, and the same on two ranks;
`inspect data` names the corpus of an example. A run that stops and goes on has the numbers of one that does not, also
after a shard was moved; a corpus that is renamed, removed, added or moved to another place is refused by name, and
nothing is touched."""
import gzip
import json
import shutil
import subprocess

from launch import MPIRUN, SWITCHYARD, Run, require, require_same_metrics, settings, workplace

HALF, LAST = 6, 12
NAMES = ("en", "sw", "ja")
COMMON = {"train.eval_every": HALF, "train.eval_sequences": 8, "train.checkpoint_every": HALF, "train.log_every": 1,
          "data.streams": 2, "data.shuffle_buffer": 2, "data.example_buffer": 2, "data.mixture.exponent": 0.3}


def write_corpora(folder):
    """A shard of each, of different size, and for two of them one for validation."""
    with gzip.open(sorted(folder.glob("c4-train.*.json.gz"))[0], "rt", encoding="utf-8") as lines:
        documents = [json.dumps({"lang": "x", "text": json.loads(line)["text"]}) + "\n" for line in lines]
    for name, (first, last) in zip(NAMES, ((0, 40), (40, 60), (60, 65))):
        (folder / f"{name}.train.jsonl").write_text("".join(documents[first:last]))
    for name, (first, last) in zip(NAMES, ((65, 85), (85, 100))):
        (folder / f"{name}.validation.jsonl").write_text("".join(documents[first:last]))


def corpora(folder, names=NAMES, **shards):
    items = []
    for name in names:
        validation = [str(path) for path in folder.glob(f"{name}.validation.jsonl")]
        train = [str(shards.get(name, folder / f"{name if name in NAMES else 'ja'}.train.jsonl"))]
        items.append({"name": name, "train": train, "validation": validation})
    return json.dumps(items)


def start(folder, name, steps, given, out, ranks=1):
    keys = {**COMMON, "run.name": name, "data.corpora": corpora(folder), "train.steps": steps, **given}
    program = [*MPIRUN, "-n", ranks, SWITCHYARD] if ranks > 1 else [SWITCHYARD]
    return Run([*program, "pretrain", folder / "tiny.yaml", *settings(keys)], folder / f"{out}.out")


def pretrain(folder, name, steps, given=None, ranks=1):
    run = start(folder, name, steps, given or {}, f"{name}-{steps}", ranks)
    require(run.end() == 0, f"{name}: it fails", run)


def evaluations(folder, name):
    lines = [json.loads(line) for line in (folder / name / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if line["kind"] == "evaluation"]


def near(a, b):
    return a.keys() == b.keys() and all(abs(a[name] - b[name]) < 1e-4 for name in a)


def check_losses(folder):
    for line in evaluations(folder, "straight"):
        require(list(line["corpora"]) == ["en", "sw"], f"the corpora of {line}")
        mean = sum(line["corpora"].values()) / 2
        require(abs(line["loss"] - mean) < 1e-9, f"the mean of {line}")
        require(line["sequences"] == 16, f"the sequences of {line}")
    print("the losses of each corpus are in the metrics")
    last = evaluations(folder, "straight")[-1]["corpora"]
    command = [SWITCHYARD, "evaluate", folder / "straight/config.yaml", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    require(done.returncode == 0, f"evaluate: {done.stderr}")
    shown = json.loads(done.stdout)["corpora"]
    require(near(shown, last), f"evaluate: {shown}, and in training {last}")
    print(f"evaluate: {shown}")
    pretrain(folder, "two-ranks", LAST, ranks=2)
    shown = evaluations(folder, "two-ranks")[-1]["corpora"]
    require(near(shown, last), f"two ranks: {shown}, and one {last}")
    print(f"two ranks: {shown}")


def check_inspected(folder):
    keys = settings({**COMMON, "data.corpora": corpora(folder)})
    command = [SWITCHYARD, "inspect", "data", folder / "tiny.yaml", *keys, "--examples", "64"]
    found = []
    for more in ([], ["--validation"]):
        done = subprocess.run([*command, *more], capture_output=True, text=True, check=False)
        require(done.returncode == 0, f"inspect data: {done.stderr}")
        found.append([json.loads(line)["corpus"] for line in done.stdout.splitlines()])
    require(set(found[0]) == set(NAMES), f"the corpora of examples: {found[0]}")
    require(list(dict.fromkeys(found[1])) == ["en", "sw"], f"the corpora of a validation: {found[1]}")
    print("inspect data names the corpus of each example")


def refuse(folder, what, words, given):
    before = {path: path.read_bytes() for path in sorted((folder / "stopped").rglob("*")) if path.is_file()}
    run = start(folder, "stopped", LAST, given, f"refused-{what}")
    code, text = run.end(), "\n".join(run.errors())
    require(code == 2, f"{what}: the exit code is {code}", run)
    for word in words:
        require(word in text, f"{what}: '{word}' is not in the message", run)
    after = {path: path.read_bytes() for path in sorted((folder / "stopped").rglob("*")) if path.is_file()}
    require(after == before, f"{what}: a refused run changed files", run)
    print(f"{what}: {run.errors()[-1].strip()}")


with workplace() as folder:
    write_corpora(folder)
    pretrain(folder, "straight", LAST)
    check_losses(folder)
    check_inspected(folder)
    pretrain(folder, "stopped", HALF)
    for what, names in (("renamed", ("en", "sw", "jp")), ("removed", ("en", "sw")), ("added", (*NAMES, "fr")),
                        ("reordered", ("sw", "en", "ja"))):
        said = f"data.corpora: the names [en, sw, ja] -> [{', '.join(names)}]"
        refuse(folder, what, [said], {"data.corpora": corpora(folder, names)})
    refuse(folder, "exchanged", ["data.corpora: no longer matches 1 of the run's 3 shards", "sw.train.jsonl"],
           {"data.corpora": corpora(folder, sw=folder / "en.train.jsonl")})
    refuse(folder, "swapped", ["data.corpora: no longer matches 2 of the run's 3 shards"],
           {"data.corpora": corpora(folder, en=folder / "sw.train.jsonl", sw=folder / "en.train.jsonl")})
    (folder / "elsewhere").mkdir()
    moved = folder / "elsewhere/ja.train.jsonl"
    shutil.move(folder / "ja.train.jsonl", moved)
    on = {"data.corpora": corpora(folder, ja=moved)}
    pretrain(folder, "stopped", LAST, on)
    require_same_metrics(folder, "straight", "stopped")
    log = (folder / "stopped/log.txt").read_text()
    require("data.corpora: 1 of the run's 3 shards were moved" in log, f"a move is not told:\n{log}")
