# SPDX-License-Identifier: Apache-2.0
"""A simulated cluster with a checkout. The batch scripts run as Slurm runs them, as copies in another directory,
with stub.py in place of Slurm's commands and of the program. The first argument of each test is the real
program, which serves `switchyard config`."""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
REAL = str(pathlib.Path(sys.argv[1]).resolve())
PATIENCE = 60  # seconds allowed for what takes a few on an idle machine


def require(condition, message, job=None):
    if condition:
        return
    if job is not None:
        print(job.text(), *job.calls(), sep="\n")
    sys.exit(f"FAILED: {message}")


class Job:
    def __init__(self, cluster, script, words, environment):
        self.cluster = cluster
        self.out = cluster.folder / "out"
        cluster.calls_file.unlink(missing_ok=True)
        (cluster.folder / "task").unlink(missing_ok=True)
        (cluster.spool / "slurm_script").unlink(missing_ok=True)
        shutil.copy(cluster.checkout / "slurm" / script, cluster.spool / "slurm_script")
        with open(self.out, "wb") as out:
            self.process = subprocess.Popen(["bash", "slurm_script", *words], cwd=cluster.spool, stdout=out,
                                            stderr=subprocess.STDOUT, env={**cluster.environment, **environment})

    def text(self):
        return self.out.read_text()

    def calls(self, name=None):
        if not self.cluster.calls_file.exists():
            return []
        calls = [json.loads(line) for line in self.cluster.calls_file.read_text().splitlines()]
        return [call for call in calls if name in (None, call["name"])]

    def signal(self, number):
        """Signals only the script, as --signal=B: does, once the program runs."""
        limit = time.monotonic() + PATIENCE
        while not self.calls("program"):
            require(self.process.poll() is None and time.monotonic() < limit, "no program was started", self)
            time.sleep(0.01)
        time.sleep(0.05)  # the script is waiting by then
        self.process.send_signal(number)

    def end(self):
        return self.process.wait(PATIENCE)

    def requeued(self):
        return [call["words"] for call in self.calls("scontrol")]


class Cluster:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.checkout = self.folder / "the checkout"
        self.spool = self.folder / "spool"
        self.calls_file = self.folder / "calls"
        stubs = self.folder / "bin"
        for new in (self.checkout, self.spool, stubs):
            new.mkdir()
        shutil.copytree(ROOT / "slurm", self.checkout / "slurm")
        for name in ("srun", "scontrol", "sbatch", "squeue", "scancel", "mpirun", "hostname", "sleep",
                     "a program"):
            shutil.copy(pathlib.Path(__file__).parent / "stub.py", stubs / name)
            (stubs / name).chmod(0o755)
        shutil.copy(pathlib.Path(__file__).parent / "node.json", stubs)
        plain = {key: value for key, value in os.environ.items() if not key.startswith(("SLURM_", "OMP_"))}
        self.environment = {
            **plain, "PATH": f"{stubs}:{os.environ['PATH']}", "CLUSTER": str(self.folder), "REAL": REAL,
            "SWITCHYARD": str(stubs / "a program"), "TASK": "exit 0", "SLURM_SUBMIT_DIR": str(self.checkout),
            "SLURM_JOB_ID": "4711", "SLURM_NTASKS": "4", "SLURM_JOB_NUM_NODES": "2", "SLURM_JOB_NODELIST": "node[0-1]", "SLURM_CPUS_PER_TASK": "3"}

    def submit(self, script, *words, **environment):
        return Job(self, script, words, environment)

    def run(self, script, *words, code, says="", starts, **environment):
        """Runs a job and requires its exit code, a text in its output and the number of steps it starts."""
        job = self.submit(script, *words, **environment)
        ended = job.end()
        require(ended == code, f"{script} {words} with {environment}: exit code {ended}, not {code}", job)
        require(says in job.text(), f"{script} {words} does not print '{says}'", job)
        started = len(job.calls("program"))
        require(started == starts, f"{script} {words} started {started} steps instead of {starts}", job)
        return job


@contextlib.contextmanager
def cluster():
    folder = tempfile.mkdtemp()
    try:
        yield Cluster(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
