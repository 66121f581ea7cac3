# SPDX-License-Identifier: Apache-2.0
"""metrics_add_up.py FOLDER BATCH BEGAN ENDED: checks the metrics of the run `kept`, which ran between the times BEGAN
and ENDED in seconds, against its training examples and the results of `evaluate` (metrics_add_up.sh)."""
import json
import math
import sys

folder, batch = sys.argv[1], int(sys.argv[2])
seconds = float(sys.argv[4]) - float(sys.argv[3])


def read(name):
    return [json.loads(line) for line in open(f"{folder}/{name}", encoding="utf-8")]


def same(a, b, what, tolerance=1e-9):
    assert math.isclose(a, b, rel_tol=tolerance), f"{what}: {a} and {b}"


lines = read("kept/metrics.jsonl")
train = [line for line in lines if line["kind"] == "train"]
evaluations = {line["step"]: line for line in lines if line["kind"] == "evaluation"}
examples, validation = read("examples.jsonl"), read("validation.jsonl")
assert [line["step"] for line in train] == list(range(1, len(train) + 1))

tokens = 0
for line in train:
    step = line["step"]
    of_step = sum(len(e["inputs"]) + len(e["targets"]) for e in examples[(step - 1) * batch:step * batch])
    tokens += of_step
    assert line["tokens"] == tokens, f"step {step}: {line['tokens']} tokens, the examples have {tokens}"
    assert line["neg_log_perplexity"] == -line["loss"], f"step {step}"
    same(line["tokens_per_second"] * line["step_seconds"], of_step, f"step {step}: tokens per second x seconds")
    same(line["mfu"] * line["step_seconds"], train[0]["mfu"] * train[0]["step_seconds"],
         f"step {step}: mfu x seconds, compared with step 1")
    if step in evaluations:
        assert evaluations[step]["tokens"] == tokens
spent = sum(line["step_seconds"] + line["save_seconds"] for line in train) + sum(line["seconds"] for line in evaluations.values())
assert 0 < spent <= seconds, f"steps, saves and evaluations of {spent} s in a run of {seconds} s"

targets = sum(len(e["targets"]) for e in validation)
for line in evaluations.values():
    assert (line["sequences"], line["target_tokens"]) == (batch, targets), line
    assert line["neg_log_perplexity"] == -line["loss"], line
found = read("evaluate.jsonl")
assert len(found) == 2
for again in found:
    line = evaluations[again["step"]]
    for name in ("sequences", "target_tokens"):
        assert line[name] == again[name], (name, line, again)
    same(line["loss"], again["loss"], f"loss of step {again['step']}'s evaluation", 1e-6)
    same(line["dropped_fraction"], again["dropped_fraction"], "dropped fraction of the evaluation", 1e-12)
    assert again["neg_log_perplexity"] == -again["loss"]
on_train = read("on_train.json")[0]
assert abs(on_train["loss"] - found[-1]["loss"]) > 1e-4, "training and validation text have the same loss"
print(f"{len(train)} steps, {tokens} tokens, {len(evaluations)} evaluations of {targets} targets")
