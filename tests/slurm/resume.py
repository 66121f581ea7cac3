#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""resume.sbatch: resumes from the given checkpoint or from the run's newest one, and refuses where
pretrain.sbatch would start a new run."""
import signal

from cluster import ROOT, cluster, require

SCRIPT = "resume.sbatch"
CONFIG = str(ROOT / "tests/cli/small.yaml")  # run.name: small, run.directory: runs


def make(slurm, *names, run="runs/small"):
    for name in names:
        (slurm.checkout / run / "checkpoints" / name).mkdir(parents=True)


def starts_from(slurm, resume, words, **environment):
    job = slurm.run(SCRIPT, *words, code=0, starts=1, **environment)
    given = [word for i, word in enumerate(words) if word != "--from" and (i == 0 or words[i - 1] != "--from")]
    require(job.calls("program")[0]["words"] == ["pretrain", *given, "--resume", resume],
            f"{words} do not resume {resume}", job)


with cluster() as slurm:
    other = slurm.checkout / "other run/step-00000020"
    other.mkdir(parents=True)
    # The run itself has no checkpoint yet.
    slurm.run(SCRIPT, code=2, says="no configuration given", starts=0)
    slurm.run(SCRIPT, CONFIG, code=2, says="runs/small/checkpoints has no checkpoint to resume from", starts=0)
    slurm.run(SCRIPT, CONFIG, "--from", "nowhere", code=2, says="--from 'nowhere' is not a directory", starts=0)
    slurm.run(SCRIPT, CONFIG, "--from", code=2, says="--from '' is not a directory", starts=0)
    slurm.run(SCRIPT, CONFIG, "--set", "train.stepz=1", code=2, says="train.stepz", starts=0)
    # The mesh is checked for the number of ranks of this job.
    slurm.run(SCRIPT, CONFIG, "--set", "mesh.expert=8", code=2, says="mesh.expert", starts=0)
    starts_from(slurm, str(other), ["--from", str(other), CONFIG, "--set", "run.seed=2"])
    starts_from(slurm, "other run/step-00000020", [CONFIG, "--from", "other run/step-00000020"])
    # A node failed before the first checkpoint: Slurm requeued the job without any progress.
    starts_from(slurm, str(other), [CONFIG, "--from", str(other)], SLURM_RESTART_COUNT="1")
    make(slurm, "step-00000012.partial", "step-00000099.trash", "set-aside-1")
    slurm.run(SCRIPT, CONFIG, code=2, says="has no checkpoint to resume from", starts=0)

    make(slurm, "step-00000005", "step-00000010")
    starts_from(slurm, "auto", [CONFIG])
    starts_from(slurm, str(other), [CONFIG, "--from", str(other)])
    starts_from(slurm, "runs/small/checkpoints/step-00000010/",
                [CONFIG, "--from", "runs/small/checkpoints/step-00000010/"])
    for count in ("0", "1"):  # the run's own checkpoints are older, so they do not come from --from
        starts_from(slurm, str(other), [CONFIG, "--from", str(other)], SLURM_RESTART_COUNT=count)
    slurm.run(SCRIPT, CONFIG, "--from", "runs/small/checkpoints/step-00000005", code=2,
              says="already has step-00000010, which is later; move the later checkpoints away", starts=0)
    make(slurm, "step-00000030")
    slurm.run(SCRIPT, CONFIG, "--from", str(other), code=2, says="already has step-00000030", starts=0)
    # A requeued job resumes from its own progress.
    starts_from(slurm, "auto", [CONFIG, "--from", str(other)], SLURM_RESTART_COUNT="1")

    # Another directory and name, which the resolved configuration quotes.
    elsewhere = [CONFIG, "--set", "run.directory=my runs", "--set", "run.name='the \"second\" try: 2'"]
    slurm.run(SCRIPT, *elsewhere, code=2, says="has no checkpoint to resume from", starts=0)
    make(slurm, "step-00000007", run='my runs/the "second" try: 2')
    starts_from(slurm, "auto", elsewhere)

    job = slurm.submit(SCRIPT, CONFIG, TASK="signal 75")
    job.signal(signal.SIGUSR1)
    require(job.end() == 0 and job.requeued() == [["requeue", "4711"]], "not requeued when its time was up", job)
    slurm.run(SCRIPT, CONFIG, code=3, starts=1, TASK="exit 3")
