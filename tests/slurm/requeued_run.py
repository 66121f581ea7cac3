#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The real program under pretrain.sbatch: signalled that its time is nearly up, the job requeues itself; started
again, it resumes and reaches the metrics of an uninterrupted run."""
import pathlib
import shutil
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "faults"))
import launch
from cluster import REAL, cluster, require

LAST = 1000
GIVEN = {"train.steps": LAST, "train.eval_every": 0, "train.checkpoint_every": 0}
MPIRUN = " ".join([shutil.which("mpirun"), *launch.MPIRUN[1:], "-n", "2"])


def submit(slurm, folder):
    return slurm.submit("pretrain.sbatch", folder / "tiny.yaml", *launch.settings({"run.name": "queued", **GIVEN}),
                        SWITCHYARD=REAL, LAUNCHER=MPIRUN, SLURM_CPUS_PER_TASK="1",
                        OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")


with cluster() as slurm, launch.workplace() as folder:
    require(launch.pretrain(folder, 2, "straight", GIVEN).end() == 0, "the uninterrupted run fails")
    job = submit(slurm, folder)
    limit = time.monotonic() + launch.PATIENCE
    while "step 20/" not in job.text():
        require(job.process.poll() is None and time.monotonic() < limit, "the run did not start", job)
        time.sleep(0.01)
    job.process.send_signal(signal.SIGUSR1)
    require(job.end() == 0 and job.requeued() == [["requeue", "4711"]], "not requeued", job)
    require("stopped by SIGUSR1 after step" in job.text(), "the signal did not reach the ranks", job)
    step = max(launch.checkpoints(folder, "queued"))
    require(20 <= step < LAST, f"stopped at step {step}", job)
    job = submit(slurm, folder)
    require(job.end() == 0 and not job.requeued(), "the resumed job fails or is requeued", job)
    require(f"at step {step}\n" in job.text(), f"it does not resume from step {step}", job)
    launch.require_same_metrics(folder, "straight", "queued")
