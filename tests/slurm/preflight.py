#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""preflight.sbatch: each check detects its kind of error and ends the job there with the right exit code; a job
that passes leaves nothing behind."""
import shutil
import signal

from cluster import ROOT, cluster, require

SCRIPT = "preflight.sbatch"
CONFIG = str(ROOT / "tests/cli/small.yaml")


def left(slurm):
    return [path.name for path in (slurm.checkout / "runs").glob("*")]


with cluster() as slurm:
    slurm.run(SCRIPT, code=2, says="no configuration given", starts=0)
    require(not left(slurm), f"a job without a configuration leaves {left(slurm)}")

    job = slurm.run(SCRIPT, CONFIG, "--set", "run.seed=7", code=0, says="preflight: all checks passed", starts=1)
    require("node0: good\nnode1: good\n" in job.text(), "not every node is reported as good", job)
    nodes, step = job.calls("srun")
    require({"--mpi=none", "--ntasks-per-node=1", "--ntasks=2"} <= set(nodes["options"]),
            "not one task on each node, alone", job)
    require("--mpi=pmix" in step["options"], "the trial is not launched as the run would be", job)
    words = job.calls("program")[0]["words"]
    require(words[:4] == ["pretrain", CONFIG, "--set", "run.seed=7"], "the trial uses another configuration", job)
    settings = [words[i + 1] for i, word in enumerate(words) if word == "--set"][1:]
    require(settings == ["run.name=preflight-4711", "train.steps=3", "train.log_every=1", "train.eval_every=3",
                         "train.checkpoint_every=3"], f"the trial runs {settings}")
    require(words[words.index("--resume") + 1] == "none", "the trial resumes", job)
    require(not left(slurm), f"{left(slurm)} are left behind")

    elsewhere = slurm.checkout / "my runs"
    job = slurm.run(SCRIPT, CONFIG, "--set", f"run.directory={elsewhere}", code=0, says="all checks passed", starts=1)
    require(elsewhere.is_dir() and not list(elsewhere.iterdir()), "the runs' own directory was not tried", job)
    slurm.run(SCRIPT, CONFIG, "--set", "run.directory=/proc/runs", code=1, says="/proc/runs", starts=0)

    for trouble in ({"LONE_NODE": "1"}, {"BROKEN_NODE": "node1"}):
        job = slurm.run(SCRIPT, CONFIG, code=1, says="node1: BAD: it wrote nothing into", starts=0, **trouble)
        require("--exclude=node1\n" in job.text() and "passed" not in job.text(), "it is not left out", job)
    job = slurm.run(SCRIPT, CONFIG, code=1, says="node0: BAD: float32 GEMM", starts=0, SLOW_NODE="node0")
    require((slurm.checkout / "runs/preflight-4711/exclude.txt").read_text() == "node0", "no exclude.txt", job)
    shutil.rmtree(slurm.checkout / "runs/preflight-4711")
    slurm.run(SCRIPT, CONFIG, code=0, starts=1, SLOW_NODE="node0", PREFLIGHT_LIMITS="--least-rate 0.4")
    slurm.run(SCRIPT, CONFIG, "--set", "mesh.expert=8", code=2, says="mesh.expert", starts=0)
    require(not left(slurm), f"a wrong mesh leaves {left(slurm)} behind")
    for code in (1, 3, 75):
        job = slurm.run(SCRIPT, CONFIG, code=code, starts=1, TASK=f"exit {code}",
                        says=f"training failed with exit code {code}; its log is in runs/preflight-4711")
        require("all checks passed" not in job.text(), "a failed trial passes", job)
        require(left(slurm) == ["preflight-4711"], "the log of the trial is gone", job)
    job = slurm.submit(SCRIPT, CONFIG, TASK="signal 75")
    job.signal(signal.SIGUSR1)
    require(job.end() == 75 and not job.requeued(), "a preflight was requeued", job)
