#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pretrain.sbatch: what it starts, how a signal reaches the program, and that it requeues itself if its step
stopped with 75 because its time was up, and in no other case."""
import signal
import time

from cluster import cluster, require

SCRIPT = "pretrain.sbatch"
AWKWARD = ["a config.yaml", "--set", 'data.train=["some text/*.gz", $HOME]', "--set", "run.name=it's * new", ""]


def check_start(slurm):
    job = slurm.run(SCRIPT, *AWKWARD, code=0, starts=1)
    program, = job.calls("program")
    require(program["words"] == ["pretrain", *AWKWARD, "--resume", "auto"],
            "the arguments do not arrive unchanged", job)
    require(program["threads"] == "3", "OMP_NUM_THREADS is not the number of the task's cores", job)
    require(program["folder"] == str(slurm.checkout), "it does not run where the job was submitted", job)
    srun, = job.calls("srun")
    require(sorted(srun["options"]) == ["--cpus-per-task=3", "--kill-on-bad-exit=0", "--mpi=pmix", "--wait=60"],
            "srun gets other options", job)
    del slurm.environment["SLURM_CPUS_PER_TASK"]
    job = slurm.run(SCRIPT, "c.yaml", code=0, starts=1)
    require("--cpus-per-task=1" in job.calls("srun")[0]["options"] and job.calls("program")[0]["threads"] == "1",
            "without --cpus-per-task a task does not get one core", job)
    slurm.run(SCRIPT, code=2, says="no configuration given", starts=0)
    slurm.run(SCRIPT, "c.yaml", code=2, says="there is no program at /no/program; build it", starts=0,
              SWITCHYARD="/no/program")
    slurm.run(SCRIPT, "c.yaml", code=2, says="there is no program at build/switchyard", starts=0, SWITCHYARD="")


def check_undisturbed(slurm):
    for code in (0, 1, 2, 3, 75, 137, 138):
        says = "submit the job again" if code == 75 else ""
        job = slurm.run(SCRIPT, "c.yaml", code=code, says=says, starts=1, TASK=f"exit {code}")
        require(not job.requeued(), f"requeued with {code} although it was not signalled", job)


def signalled(slurm, numbers, task, code, **environment):
    job = slurm.submit(SCRIPT, "c.yaml", TASK=task, **environment)
    for number in numbers:
        job.signal(number)
        time.sleep(0.1)
    ended = job.end()
    require(ended == code, f"{task} after {numbers}: exit code {ended}, not {code}", job)
    require(job.calls("program ends"), "the script did not wait for its step", job)
    return job


def check_signals(slurm):
    usr1, term = signal.SIGUSR1, signal.SIGTERM
    for numbers in ([usr1], [usr1, usr1], [usr1, usr1, usr1]):
        job = signalled(slurm, numbers, "signal 75 0.6", 0)
        require(job.requeued() == [["requeue", "4711"]], f"not requeued once after {len(numbers)} signals", job)
    for code in (0, 1, 3):
        job = signalled(slurm, [usr1], f"signal {code}", code)
        require(not job.requeued(), f"requeued although the step ended with {code}", job)
    for launcher in ("srun", "mpirun"):
        job = slurm.submit(SCRIPT, "c.yaml", TASK="signal 75", STARTING="1", SWITCHYARD_LAUNCHER=launcher)
        while not job.calls(launcher):  # nothing is there yet that could pass the signal on
            time.sleep(0.01)
        job.process.send_signal(usr1)
        require(job.end() == 0 and job.requeued() == [["requeue", "4711"]],
                f"a signal before {launcher} has started the ranks is lost", job)
    job = signalled(slurm, [term], "signal 75 0.3", 75)  # cancelled
    require(not job.requeued(), "requeued although it was cancelled", job)
    taken = {"PREEMPTED": "2026-11-29T23:24:15"}
    job = signalled(slurm, [term], "signal 75", 0, **taken)
    require(job.requeued() == [["requeue", "4711"]], "a preempted job is not requeued", job)
    job = signalled(slurm, [term], "signal 1", 1, **taken)
    require(not job.requeued(), "a preempted job is requeued although its step failed", job)
    job = signalled(slurm, [usr1], "signal 138", 0)
    require(job.requeued() == [["requeue", "4711"]], "not requeued after USR1 killed the tasks", job)
    job = signalled(slurm, [usr1], "signal 75", 2, SCONTROL_CODE="1")
    require("scontrol requeue failed; submit the job again" in job.text(), "a failing requeue is not reported", job)


with cluster() as slurm:
    check_undisturbed(slurm)
    check_signals(slurm)
    check_start(slurm)
