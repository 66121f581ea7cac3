# SPDX-License-Identifier: Apache-2.0
"""What happens to jobs of the batch scripts under a real Slurm. Ranks are stopped while it happens: else a small run
could be over before."""
import contextlib
import shutil
import time

from real_cluster import launch, require, wait_until

GIVEN = {"train.steps": 24, "train.eval_every": 12, "train.checkpoint_every": 8, "run.hang_timeout_seconds": 60}
LONG = {"train.steps": 1500, "train.eval_every": 0, "train.checkpoint_every": 1000}
# All nodes are one host here, which others may use too.
ANY_RATE = ("--least-rate 0.01 --least-disk-rate 0.001 --most-clock-seconds 60 --most-foreign-cores 1000 "
            "--least-free-bytes 0")
MPIRUN = {"SWITCHYARD_LAUNCHER": "mpirun"}


# The program, but for what one node says of itself.
SLOW_NODE = """\
#!/usr/bin/env bash
code=0
"{program}" "$@" || code=$?
[[ "$1 $2 $SLURMD_NODENAME" != "doctor node node2" ]] ||
  sed -i -E 's/("float32_flops": [0-9]+)[0-9]{{3}}/\\1/' "${{@: -1}}/node2.json"
exit "$code"
"""


class Cases:
    def __init__(self, slurm, folder):
        self.slurm = slurm
        self.folder = folder

    def run(self, name):
        start = time.monotonic()
        getattr(self, name)()
        print(f"{name}: as it should be, in {time.monotonic() - start:.0f} s", flush=True)

    def submit(self, script, name, given=None, **how):
        words = [self.folder / "tiny.yaml", *launch.settings({"run.name": name, **GIVEN, **(given or {})})]
        return self.slurm.submit(script, *words, **how)

    def require_undisturbed(self, name, given=None, tolerance=0):
        """The metrics of the run are those of an undisturbed one, which is made once, on two ranks."""
        straight = "straight_long" if given else "straight"
        if not (self.folder / straight).exists():
            self.submit("pretrain.sbatch", straight, given).require_done()
        launch.require_same_metrics(self.folder, straight, name, tolerance=tolerance)

    def require_requeued(self, job, name, given=None):
        job.require_done()
        require(job.show()["Restarts"] == "1", "it was not requeued once", job.text)
        self.require_undisturbed(name, given)

    @contextlib.contextmanager
    def in_the_middle(self, job):
        """The ranks are stopped after a few steps, and go on afterwards, those that still exist."""
        job.wait_for("step 3/")
        with self.slurm.stopped("switchyard", job.number):
            yield

    def preflight(self):
        job = self.submit("preflight.sbatch", "straight", environment={"PREFLIGHT_LIMITS": ANY_RATE})
        job.require_done()
        require(job.text().count(": good\n") == 2, "two nodes are not reported", job.text)
        require(not list(self.folder.glob("preflight-*")), "preflight leaves files", job.text)

    def node_check(self):
        """A node that is a thousand times slower than the others is named, and left out by what preflight writes."""
        slow = self.folder / "slow"
        slow.write_text(SLOW_NODE.format(program=self.slurm.environment["SWITCHYARD"]))
        slow.chmod(0o755)
        job = self.submit("preflight.sbatch", "straight", nodes=4,
                          environment={"PREFLIGHT_LIMITS": ANY_RATE, "SWITCHYARD": str(slow)})
        require(job.end() == ("FAILED", "1:0"), "a slow node passes", job.text)
        require("node2: BAD: float32 GEMM" in job.text() and "--exclude=node2\n" in job.text(),
                "the slow node is not named", job.text)
        excluded = next(self.folder.glob("preflight-*/exclude.txt"))
        job = self.slurm.sleep([f"--exclude={excluded.read_text()}", "--nodes=3"], 0)
        job.require_done()
        require(job.show()["NodeList"] == "node[1,3-4]", "it is not left out", lambda: str(job.show()))
        shutil.rmtree(excluded.parent)

    def requeue(self, name="signalled", **how):
        """What the time limit does: USR1 to the script."""
        job = self.submit("pretrain.sbatch", name, **how)
        with self.in_the_middle(job):
            self.slurm.ask("scancel", "--signal=USR1", "--batch", job.number)
            time.sleep(1)
        job.wait_for("requeueing job")
        require("stopped by SIGUSR1 after step" in job.text(), "the ranks do not say why they stop", job.text)
        self.require_requeued(job, name)
        require("resumed from" in job.text(), "it does not resume", job.text)

    def early_signal(self, name="early", **how):
        """The same as soon as the script has started its step, before there is a rank that could take it. The script
        sends it again every two seconds, and the run must not be over by then."""
        job = self.submit("pretrain.sbatch", name, LONG, **how)
        launcher = how.get("environment", {}).get("SWITCHYARD_LAUNCHER", "srun")
        wait_until(lambda: self.slurm.processes(launcher, job.number), f"{launcher} does not start", job.text)
        self.slurm.ask("scancel", "--signal=USR1", "--batch", job.number)
        job.wait_for("requeueing job")
        self.require_requeued(job, name, LONG)

    def mpirun_requeue(self):
        self.requeue("signalled_mpirun", environment=MPIRUN)

    def mpirun_early_signal(self):
        self.early_signal("early_mpirun", environment=MPIRUN)

    def other_nodes(self):
        """Half of a run on two nodes, then the rest on one, and on four. As many ranks give the same digits; other
        numbers of them add in another order."""
        for name, nodes, ranks, tolerance in (("together", 1, 2, 0), ("apart", 4, 1, 2e-5)):
            self.submit("pretrain.sbatch", name, {"train.steps": 12}).require_done()
            job = self.submit("resume.sbatch", name, nodes=nodes, ranks=ranks)
            job.require_done()
            require("at step 12\n" in job.text(), "it does not resume from step 12", job.text)
            self.require_undisturbed(name, tolerance=tolerance)

    def array(self):
        """Three jobs for one run, one after another: the first one ends early, the second trains the rest, for the
        third nothing is left."""
        job = self.submit("pretrain.sbatch", "chain", options=["--array=1-3%1", "--no-requeue", "--output=%x-%A.log"])
        job.wait_for("step 3/")
        self.slurm.ask("scancel", f"{job.number}_1")
        wait_until(lambda: not self.slurm.ask("squeue", "-h", "-j", job.number).strip(), "the array does not end",
                   job.text)
        require("stopped by SIGTERM after step" in job.text(), "its first job does not stop well", job.text)
        require(job.text().count("resumed from") == 2 and job.text().count("nothing is left to do") == 1,
                "its later jobs do not train the rest", job.text)
        self.require_undisturbed("chain")

    def cancel(self, name="cancelled", commits=True, **how):
        """A cancelled job commits a checkpoint and stays away; submitted again, it resumes."""
        job = self.submit("pretrain.sbatch", name, **how)
        with self.in_the_middle(job):
            self.slurm.ask("scancel", job.number)
        require(job.end()[0] == "CANCELLED", "it is not cancelled", job.text, lambda: str(job.show()))
        require(not commits or "stopped by SIGTERM after step" in job.text(), "no checkpoint is committed", job.text)
        self.submit("pretrain.sbatch", name, **how).require_done()
        self.require_undisturbed(name)

    def mpirun_cancel(self):
        """mpirun may end its ranks before they have a checkpoint. Then the run goes on from the one before."""
        self.cancel("cancelled_mpirun", commits=False, environment=MPIRUN)

    @staticmethod
    def is_preempted(job):
        shown = job.show()
        return shown["JobState"] != "RUNNING" or shown["PreemptTime"] != "None"

    def preemption(self, partition="normal", name="preempted", commits=True, **how):
        """A more important job takes the nodes: the job commits a checkpoint, waits and resumes."""
        job = self.submit("pretrain.sbatch", name, options=[f"--partition={partition}"], **how)
        with self.in_the_middle(job):
            urgent = self.slurm.sleep(["--partition=urgent", f"--nodes={self.slurm.size}", "--exclusive"], 2)
            wait_until(lambda: self.is_preempted(job), "the job is not preempted", job.text)
        urgent.require_done()
        self.require_requeued(job, name)
        require(not commits or "resumed from" in job.text(), "it does not resume", job.text)

    def graceful_preemption(self):
        """The same where jobs get time to end by themselves."""
        self.preemption("graceful", "preempted_gracefully")

    def mpirun_preemption(self):
        self.preemption(name="preempted_mpirun", commits=False, environment=MPIRUN)

    def mpirun_graceful_preemption(self):
        self.preemption("graceful", "preempted_gracefully_mpirun", commits=False, environment=MPIRUN)

    def node_failure(self):
        job = self.submit("pretrain.sbatch", "failed", options=["--nodelist=node3,node4"])
        with self.in_the_middle(job):
            self.slurm.fail_node(4)
            self.slurm.ask("scontrol", "update", "nodename=node4", "state=down", "reason=test")
            wait_until(lambda: job.show().get("Restarts") == "1", "the job is not requeued", job.text)
        self.slurm.ask("scontrol", "update", f"jobid={job.number}", "reqnodelist=")
        job.require_done()
        self.require_undisturbed("failed")
