# SPDX-License-Identifier: Apache-2.0
"""check_best.py FOLDER RUN TASK...: checks FOLDER/RUN against its metrics. best/TASK is the checkpoint of the first
evaluation with the task's best score, evaluate --tasks (FOLDER/RUN-TASK.json) gives that score again, and so do its
predictions (FOLDER/RUN-TASK.jsonl). Besides these, only the newest checkpoint is left."""
import json
import os
import sys

folder, run = sys.argv[1:3]
tasks = sys.argv[3:]
lines = [json.loads(line) for line in open(f"{folder}/{run}/metrics.jsonl", encoding="utf-8")]
scored = [line for line in lines if line["kind"] == "evaluation" and line["step"] > 0]
kept = {max(line["step"] for line in lines)}
for task in tasks:
    best = max(scored, key=lambda line: line["tasks"][task]["exact_match"])  # the first of several
    value = best["tasks"][task]["exact_match"]
    kept.add(best["step"])
    link = os.readlink(f"{folder}/{run}/best/{task}")
    assert link == f"../checkpoints/step-{best['step']:08}", (task, link, best["step"])
    again = json.load(open(f"{folder}/{run}-{task}.json", encoding="utf-8"))
    assert again == {"step": best["step"], "tasks": {task: {"exact_match": value}}}, (again, best)
    answers = [json.loads(line) for line in open(f"{folder}/{run}-{task}.jsonl", encoding="utf-8")]
    right = sum(answer["prediction"] in answer["targets"] for answer in answers)
    assert {answer["task"] for answer in answers} == {task}
    assert len(answers) == 50 and abs(100 * right / len(answers) - value) < 1e-9, (right, value)
left = {int(name[5:]) for name in os.listdir(f"{folder}/{run}/checkpoints") if not name.endswith(".trash")}
assert left == kept, (left, kept)
print(f"{run}: kept {sorted(kept)}")
