#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The files of a run: the right steps are logged, evaluated and kept, the numbers in metrics.jsonl are consistent, and
the log, the TensorBoard events, the saved configuration and `evaluate` agree with them."""
import gzip
import json
import math
import subprocess

from launch import MPIRUN, SWITCHYARD, Run, checkpoints, pretrain, require, settings, workplace

LAST = 14
GIVEN = {"train.steps": LAST, "train.log_every": 4, "train.eval_every": 6, "train.checkpoint_every": 5}


def finish(run, code=0):
    ended = run.end()
    require(ended == code, f"the exit code is {ended}", run)
    return run


def metrics(folder, name, kind):
    lines = [json.loads(line) for line in (folder / name / "metrics.jsonl").read_text().splitlines()]
    return {line["step"]: line for line in lines if line["kind"] == kind}


def close(a, b):
    return math.isclose(a, b, rel_tol=1e-9)


def check_due(folder, name):
    """What is due every N steps happens at these and at the last step."""
    require(list(metrics(folder, name, "train")) == [4, 8, 12, LAST], "logged steps")
    require(list(metrics(folder, name, "evaluation")) == [0, 6, 12, LAST], "evaluated steps")
    require(sorted(checkpoints(folder, name)) == [5, 10, LAST], "checkpoints")


def check_numbers(folder, name):
    """The metrics of a run that logs every step are consistent."""
    steps, evaluations = metrics(folder, name, "train"), metrics(folder, name, "evaluation")
    tokens, flops = 0, {}
    for step in steps.values():
        require(step["neg_log_perplexity"] == -step["loss"], f"{step}: log perplexity")
        require(close(step["tokens_per_second"] * step["step_seconds"], step["tokens"] - tokens), f"{step}: tokens")
        tokens = step["tokens"]
        # FLOPs per step over the machine's peak rate, which each start measures anew.
        flop = step["mfu"] * step["step_seconds"]
        require(flop > 0 and close(flop, flops.setdefault(step["step"] > 7, flop)), f"{step}: mfu")
    for number, evaluation in evaluations.items():
        require(evaluation["neg_log_perplexity"] == -evaluation["loss"], f"{evaluation}: log perplexity")
        require(evaluation["tokens"] == (steps[number]["tokens"] if number else 0), f"{evaluation}: tokens")
        require(evaluation["sequences"] == 8 and evaluation["seconds"] > 0, f"{evaluation}")


def check_files(folder, name, runs, given):
    log = (folder / name / "log.txt").read_text().splitlines()
    told = [line for run in runs for line in run.text().splitlines() if line]
    require(log == told, f"log.txt differs from what was printed:\n{log}\n{told}")
    events = b"".join(path.read_bytes() for path in (folder / name).glob("events.out.tfevents.*"))
    for tag in (b"train/loss", b"evaluation/loss"):
        require(tag in events, f"the TensorBoard events lack {tag}")
    resolved = subprocess.run([SWITCHYARD, "config", folder / "tiny.yaml", *settings({"run.name": name, **given})],
                              capture_output=True, check=True, text=True, timeout=60).stdout
    require((folder / name / "config.yaml").read_text() == resolved, "config.yaml is not the resolved configuration")


def check_evaluate(folder, name):
    """`evaluate` on two ranks repeats the last evaluation of the run and prints one line."""
    run = finish(Run([*MPIRUN, "-n", 2, SWITCHYARD, "evaluate", folder / "tiny.yaml", "--json",
                      *settings({"run.name": name})], folder / "evaluate.out"))
    lines = [json.loads(line) for line in run.text().splitlines() if line.startswith("{")]
    require(len(lines) == 1, f"{len(lines)} results", run)
    last = metrics(folder, name, "evaluation")[LAST]
    for key in ("step", "loss", "neg_log_perplexity", "sequences", "target_tokens", "dropped_fraction"):
        require(lines[0][key] == last[key], f"{key} is {lines[0][key]}, the run has {last[key]}", run)


def check_other_shards(folder, name):
    """--shards evaluates other text; without --json the result is a sentence."""
    words = ["evaluate", folder / "tiny.yaml", *settings({"run.name": name}), "--shards", folder / "c4-train.*.json.gz"]
    done = finish(Run([SWITCHYARD, *words], folder / "shards.out"))
    last = metrics(folder, name, "evaluation")[LAST]
    require(f"step {LAST}: loss " in done.text() and f"loss {last['loss']:.4f} " not in done.text(), "--shards", done)


def check_inspect(folder, name):
    """stdout contains only the JSON; the result of --verify goes to stderr."""
    done = subprocess.run([SWITCHYARD, "inspect", checkpoints(folder, name)[LAST], "--json", "--verify"],
                          capture_output=True, check=True, text=True, timeout=60)
    shown = json.loads(done.stdout)
    require(shown["step"] == LAST and shown["state"]["seed"] == 3 and len(shown["streams"]) == 4,
            f"inspect shows {shown}")
    count = sum(math.prod(each["shape"]) for each in shown["tensors"] if each["name"].startswith("parameters/"))
    require(shown["parameters"] == count > 0, f"{shown['parameters']} parameters, not {count}")
    require(done.stderr == "every checksum agrees\n", f"--verify says '{done.stderr}'")


def check_bad_records(folder):
    """Bad records are skipped, reported one by one, and counted at the end. Each of the 4 streams starts with half a
    shard, which contains one bad record."""
    for shard in folder.glob("c4-train.*.json.gz"):
        good = gzip.decompress(shard.read_bytes())
        shard.write_bytes(gzip.compress(2 * b'{"text": "no end\n' + good))
    run = finish(pretrain(folder, 1, "bad-records", {**GIVEN, "train.eval_every": 0}))
    require("4 bad records were skipped, " in run.text() and ": 4 malformed, " in run.text(),
            "the bad records are not counted", run)
    require(run.text().count("; skipped") == 4, "not every bad record is reported", run)


with workplace() as folder:
    finish(pretrain(folder, 2, "due", GIVEN))
    check_due(folder, "due")
    each = {**GIVEN, "train.log_every": 1, "train.eval_every": 7}  # checkpoints of 5 and 7, then of 10 and 14
    first = finish(pretrain(folder, 2, "each", {**each, "train.steps": 7}))
    first.out = first.out.rename(folder / "first.out")
    second = finish(pretrain(folder, 2, "each", each))
    require(f"resumed from {folder}/each/checkpoints/step-00000007 at step 7" in second.text(), "not resumed", second)
    check_numbers(folder, "each")
    check_files(folder, "each", [first, second], each)
    check_evaluate(folder, "each")
    check_other_shards(folder, "each")
    check_inspect(folder, "each")
    # Each start has a name of its own, which distinguishes its shards from those of an earlier start.
    names = [json.loads((path / "manifest.json").read_text())["attempt"] for path in checkpoints(folder, "each").values()]
    require(len(names) == 4 and len(set(names)) == 2, f"the checkpoints of two starts carry the names {names}")
    # The run is complete: another start does not rewrite the last checkpoint.
    manifest = checkpoints(folder, "each")[LAST] / "manifest.json"
    before = manifest.stat()
    finish(pretrain(folder, 2, "each", each))
    require(manifest.stat().st_ino == before.st_ino and manifest.stat().st_mtime_ns == before.st_mtime_ns,
            "a start of a complete run rewrites the last checkpoint")
    check_bad_records(folder)
