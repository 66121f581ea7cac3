#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""plan_accuracy.py PROGRAM [--turns N] [--only WORD]: how far a plan is from what it plans. For twelve configurations and meshes
on this machine, each turn measures the device (`doctor --json`), runs `bench` and plans with what was measured, all on the same
ranks and threads within the same minute. Prints a line of Markdown for each: regions of memory that differ by a byte, the planned and the
found peak of resident memory, and the medians over the turns of planned and measured time of a step."""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Name, ranks, configuration, settings. Evaluation is left out, as `bench` has none, and needs no more room than training.
AS_IN_TRAINING = "model.experts.eval_capacity_factor=1.0"
CASES = [
    ("bench-256", 1, "bench-256", []),
    ("bench-256, 2 ranks", 2, "bench-256", []),
    ("bench-256, model 2", 2, "bench-256", ["mesh.model=2"]),
    ("bench-256, model 2, sequence_parallel", 2, "bench-256", ["mesh.model=2", "mesh.sequence_parallel=true"]),
    ("bench-256, zero_stage 1, 2 ranks", 2, "bench-256", ["mesh.zero_stage=1", "mesh.expert=1"]),
    ("bench-256, AdamW", 1, "bench-256", ["optimizer.name=adamw", "optimizer.learning_rate=0.01"]),
    ("bench-256, dropout 0.1, top-2", 1, "bench-256", ["model.dropout=0.1", "model.experts.top_k=2"]),
    ("bench-256, dropless", 1, "bench-256", ["model.experts.capacity=dropless"]),
    ("bench-512", 1, "bench-512", [AS_IN_TRAINING]),
    ("bench-512, 2 ranks", 2, "bench-512", [AS_IN_TRAINING, "train.micro_batch=4"]),
    ("bench-512, recompute blocks", 1, "bench-512", [AS_IN_TRAINING, "train.recompute=blocks"]),
    ("bench-512-dense", 1, "bench-512-dense", []),
]
REGIONS = ("parameters", "gradients", "optimizer", "activations", "scratch")


def run(command, ranks, threads):
    """The JSON that the command prints on `ranks` ranks, or in one process if that is None."""
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads), OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    launcher = ["mpirun", "--oversubscribe", "--bind-to", "none", "-np", str(ranks)] if ranks else []
    done = subprocess.run([*launcher, *command], env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: {done.stderr}")
    return json.loads(done.stdout)


def turn(program, case, threads, folder):
    """(plan, what bench found) of one case."""
    _, ranks, config, settings = case
    given = [str(ROOT / f"configs/{config}.yaml"), "--json"]
    for setting in [*settings, "train.eval_every=0", "train.checkpoint_every=0"]:
        given += ["--set", setting]
    device = pathlib.Path(folder) / "device.json"
    device.write_text(json.dumps(run([program, "doctor", "--json"], ranks, threads)), encoding="utf-8")
    found = run([program, "bench", *given, "--rounds", "5"], ranks, threads)
    plan = run([program, "plan", *given, "--device", str(device), "--ranks", str(ranks), "--threads", str(threads)], None, threads)
    return plan, found


def line(case, turns):
    plans, founds = zip(*turns)
    memory = plans[0]["memory_bytes_per_rank"]
    off = sum(memory[region] != founds[0]["memory"][region] for region in REGIONS)
    # What a benchmark does not have: text that is read ahead, and checkpoints.
    resident = plans[0]["host_bytes_per_rank"] - memory["loader"] - memory["checkpoint_staging"]
    peak = statistics.median(found["memory"]["resident_peak"] for found in founds)
    planned = statistics.median(plan["step"]["seconds"] for plan in plans)
    took = statistics.median(found["step"]["step_seconds"] for found in founds)
    apart = " ".join(f"{100 * (plan['step']['seconds'] / found['step']['step_seconds'] - 1):+.0f}" for plan, found in turns)
    return (f"| {case[0]} | {off} | {resident / 2**20:.0f} | {peak / 2**20:.0f} | {100 * (resident / peak - 1):+.1f} % | {planned:.3f} | "
            f"{took:.3f} | {100 * (planned / took - 1):+.1f} % | {apart} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", type=os.path.abspath)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--only", default="", help="cases whose name has this word")
    options = parser.parse_args()
    cases = [case for case in CASES if options.only in case[0]]
    print("| | regions off | planned, MiB | peak | apart | planned, s | step | apart | each turn, % |")
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for case in cases:
            threads = max(1, (os.cpu_count() or 1) // case[1])
            print(line(case, [turn(options.program, case, threads, folder) for _ in range(options.turns)]), flush=True)


main()
