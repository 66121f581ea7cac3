#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What happens when a run is resumed after something changed: other data, another tokenizer or another model are refused
by key with old and new value, and nothing is touched; shards that were added or moved do not change a single bit; the
rest is taken and told."""
import gzip
import json
import shutil

from launch import SWITCHYARD, Run, require, require_same_metrics, settings, workplace

HALF, LAST = 10, 20
COMMON = {"train.eval_every": 0, "train.checkpoint_every": HALF, "train.log_every": 1, "data.streams": 2,
          "data.shuffle_buffer": 2, "data.example_buffer": 2}
UNKNOWN_FIELD = b"\xc0\x0c\x01"  # number 200 of a message: readers skip it


def texts(folder):
    """Documents of the sample."""
    for shard in sorted(folder.glob("c4-train.*.json.gz")):
        with gzip.open(shard, "rt", encoding="utf-8") as lines:
            yield from (json.loads(line)["text"] for line in lines)


def write_shards(folder, name):
    """Three shards of different length; the third is kept elsewhere."""
    (folder / f"{name}.data").mkdir()
    documents = texts(folder)
    for number, count in enumerate((40, 25, 30)):
        lines = "".join(json.dumps({"text": next(documents)}) + "\n" for _ in range(count))
        (folder / (f"{name}.data/s{number}.jsonl" if number < 2 else f"{name}.late")).write_text(lines)
    shutil.copy(folder / "small.model", folder / f"{name}.model")


def pretrain(folder, name, given, out=None):
    keys = {**COMMON, "run.name": name, "data.train": f"[{folder}/{name}.data/*.jsonl]",
            "data.tokenizer": folder / f"{name}.model", **given}
    return Run([SWITCHYARD, "pretrain", folder / "tiny.yaml", *settings(keys)], folder / f"{out or name}.out")


def first_half(folder, name):
    write_shards(folder, name)
    run = pretrain(folder, name, {"train.steps": HALF})
    require(run.end() == 0, f"{name}: the first half fails", run)


def files_of(folder, name):
    return {path: path.read_bytes() for path in sorted((folder / name).rglob("*")) if path.is_file()}


def refuse(folder, what, words, change=None, **given):
    """Each starts from the same first half and leaves it as it was."""
    name = "refused"
    before = files_of(folder, name)
    undo = change() if change else None
    run = pretrain(folder, name, {"train.steps": LAST, **given}, f"refused-{what}")
    code = run.end()
    text = "\n".join(run.errors())
    require(code == 2, f"{what}: the exit code is {code}", run)
    for word in words:
        require(word in text, f"{what}: '{word}' is not in the message", run)
    require(files_of(folder, name) == before, f"{what}: a refused run changed files", run)
    if undo:
        undo()
    print(f"{what}: {run.errors()[-1].strip()}")


def refusals(folder):
    first_half(folder, "refused")
    shard, model = folder / "refused.data/s1.jsonl", folder / "refused.model"

    def remove():
        shard.rename(folder / "away")
        return lambda: (folder / "away").rename(shard)

    def rewrite(path, data):
        was = path.read_bytes()
        path.write_bytes(data)
        return lambda: path.write_bytes(was)

    refuse(folder, "removed", ["data.train: no longer matches 1 of the run's 2 shards", str(shard)], remove)
    refuse(folder, "replaced", ["data.train: 1 of the run's 2 shards have other contents", str(shard)],
           lambda: rewrite(shard, shard.read_bytes()[::-1]))
    refuse(folder, "tokenizer", ["data.tokenizer: ", str(model), "tokenizer.model"],
           lambda: rewrite(model, model.read_bytes() + UNKNOWN_FIELD))
    refuse(folder, "keys",
           ["run.seed: 3 -> 4", "data.extra_ids: 100 -> 50", "model.d_ff: 32 -> 64", "model.experts.count: 4 -> 2",
            "optimizer.name: adafactor -> adamw", "train.global_batch: 8 -> 16"],
           **{"run.seed": 4, "data.extra_ids": 50, "model.d_ff": 64, "model.experts.count": 2,
              "optimizer.name": "adamw", "train.global_batch": 16})
    refuse(folder, "lengths", ["data.mean_noise_span: 3.0 -> 1.5", "data.decoder_length: "],
           **{"data.mean_noise_span": 1.5})


def go_on(folder, name, said, **given):
    """The second half gives the numbers of an undisturbed run."""
    run = pretrain(folder, name, {"train.steps": LAST, **given}, f"{name}-on")
    require(run.end() == 0, f"{name}: the second half fails", run)
    log = (folder / name / "log.txt").read_text()
    for word in said:
        require(word in log, f"{name}: '{word}' is not in the log:\n{log}")
    require_same_metrics(folder, "straight", name)


with workplace() as folder:
    first_half(folder, "straight")
    go_on(folder, "straight", [])
    first_half(folder, "added")
    shutil.move(folder / "added.late", folder / "added.data/late.jsonl")
    go_on(folder, "added", ["data.train: 1 of the shards that it matches were not there when the run began", "late.jsonl"])
    # The list of shards survives a second resume, and in its order: by path the second shard now comes first.
    first_half(folder, "moved")
    for number, place in enumerate(("z", "a")):
        (folder / place).mkdir()
        shutil.move(folder / f"moved.data/s{number}.jsonl", folder / place)
    moved = {"data.train": f"[{folder}/z/*.jsonl,{folder}/a/*.jsonl]"}
    require(pretrain(folder, "moved", {"train.steps": HALF + 3, **moved}, "moved-part").end() == 0, "moved: it fails")
    go_on(folder, "moved", ["data.train: 2 of the run's 2 shards were moved"], **moved)
    refusals(folder)
    run = pretrain(folder, "refused", {"train.steps": LAST, "optimizer.clip_norm": 0.5}, "taken")
    require(run.end() == 0, "a harmless change is refused", run)
    require("changed configuration: optimizer.clip_norm: 1.0 -> 0.5" in (folder / "refused/log.txt").read_text(),
            "a harmless change is not told", run)
