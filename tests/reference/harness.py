#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lm-evaluation-harness on an exported model, beside `switchyard loglikelihood`.

  python3 -m venv build/harness-venv
  build/harness-venv/bin/pip install -r tests/reference/harness_requirements.txt
  build/harness-venv/bin/python tests/reference/harness.py build/switchyard              random requests
  build/harness-venv/bin/python tests/reference/harness.py build/switchyard --remake     writes the kept ones anew
  build/harness-venv/bin/python tests/reference/harness.py build/switchyard --checkpoint FOLDER --lines FILE

A checkpoint (here a small SwitchTransformers model with a tokenizer of few pieces) goes through `switchyard convert
--to hf`. The harness loads that folder with its seq2seq backend and runs a local task of contexts and
continuations. Both sides' log-likelihoods must agree to 1e-4, and whether a continuation is the greedy one. No hub is
asked for anything. Exit code 1: they differ.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}

import lm_eval  # noqa: E402
from lm_eval.tasks import TaskManager  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
MODEL = HERE / "data" / "generate" / "switch"
TOKENIZER = HERE.parent / "fuzz" / "sound.model"
WORDS = "the fox dog quick brown jumps over lazy a in hat box b e t".split()
SMALL = ["--set", "data.extra_ids=10"]  # its vocabulary has no room for more sentinels
TOLERANCE = 1e-4

# acc counts the requests whose continuation is the greedy one.
TASK = """\
task: continuations
dataset_path: json
dataset_kwargs:
  data_files: {{validation: {requests}}}
validation_split: validation
output_type: loglikelihood
doc_to_text: "{{{{context}}}}"
doc_to_target: "{{{{continuation}}}}"
target_delimiter: ""
metric_list:
  - metric: acc
"""


def random_context(draw):
    return " ".join(draw.choices(WORDS, k=draw.randint(1, 9))) + draw.choice(["", "", " ", " ? "])


def random_requests(count, seed):
    """Continuations have at most 8 tokens: then no expert of Hugging Face's decoder drops one."""
    draw = random.Random(seed)
    return [{"context": random_context(draw), "continuation": draw.choice([" ", ""]) + draw.choice(WORDS)}
            for _ in range(count)]


def greedy_requests(switchyard, checkpoint, folder, seed):
    """Some of those few random requests whose continuation is greedy, if the program is right about it."""
    draw = random.Random(seed)
    requests = [{"context": random_context(draw), "continuation": "a"} for _ in range(3000)]
    found = ours(switchyard, checkpoint, write_lines(folder / "candidates.jsonl", requests), *SMALL, "--batch", "64")
    return [request for request, (_, greedy) in zip(requests, found, strict=True) if greedy][:10]


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def run(*command):
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"exit code {done.returncode}: {' '.join(map(str, command))}")
    return done.stdout


def make_checkpoint(switchyard, folder):
    shutil.copytree(MODEL, folder / "given", ignore=shutil.ignore_patterns("*.jsonl"))
    shutil.copy(TOKENIZER, folder / "given" / "spiece.model")
    run(switchyard, "convert", "--from", "hf", "--to", "switchyard", folder / "given", folder / "checkpoint")
    return folder / "checkpoint"


def theirs(exported, requests_file, folder):
    (folder / "task").mkdir()
    (folder / "task" / "continuations.yaml").write_text(TASK.format(requests=requests_file))
    results = lm_eval.simple_evaluate(
        model="hf", model_args=f"pretrained={exported},backend=seq2seq,dtype=float32", tasks=["continuations"],
        task_manager=TaskManager(include_path=str(folder / "task"), include_defaults=False), batch_size=16,
        device="cpu", log_samples=True, bootstrap_iters=0)
    samples = sorted(results["samples"]["continuations"], key=lambda sample: sample["doc_id"])
    return [(float(log_likelihood), str(greedy) == "True")
            for sample in samples for log_likelihood, greedy in [sample["resps"][0][0]]]


def ours(switchyard, checkpoint, requests_file, *more):
    lines = run(switchyard, "loglikelihood", "--checkpoint", checkpoint, "--requests", requests_file, *more).splitlines()
    return [(answer["log_likelihood"], answer["is_greedy"]) for answer in map(json.loads, lines)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("switchyard", type=pathlib.Path)
    parser.add_argument("--checkpoint", type=pathlib.Path, help="another one than the small model")
    parser.add_argument("--lines", type=pathlib.Path, help="its requests: {\"context\", \"continuation\"} on each line")
    parser.add_argument("--requests", type=int, default=200, help="number of random ones")
    parser.add_argument("--remake", action="store_true")
    options = parser.parse_args()
    switchyard = options.switchyard.resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        checkpoint = options.checkpoint or make_checkpoint(switchyard, folder)
        run(switchyard, "convert", "--from", "switchyard", "--to", "hf", checkpoint, folder / "exported")
        if options.lines:
            requests = [json.loads(line) for line in options.lines.read_text().splitlines()]
        else:
            requests = random_requests(40 if options.remake else options.requests, 11)
        if not options.checkpoint:
            requests += greedy_requests(switchyard, checkpoint, folder, 12)
        requests_file = write_lines(folder / "requests.jsonl", requests)
        expected = theirs(folder / "exported", requests_file, folder)
        if options.remake:
            write_lines(MODEL / "likelihoods.jsonl", [
                request | {"log_likelihood": value, "is_greedy": greedy}
                for request, (value, greedy) in zip(requests, expected, strict=True)])
        found = ours(switchyard, checkpoint, requests_file, *([] if options.checkpoint else SMALL))
    pairs = list(zip(found, expected, strict=True))
    apart = max(abs(a[0] - b[0]) / max(1, abs(b[0])) for a, b in pairs)
    same = sum(a[1] == b[1] for a, b in pairs)
    print(f"{len(pairs)} requests: largest relative difference {apart:.2e}; {same} agree on greedy, which "
          f"{sum(b[1] for b in expected)} are")
    sys.exit(apart > TOLERANCE or same != len(pairs))


if __name__ == "__main__":
    main()
