# SPDX-License-Identifier: Apache-2.0
"""A real Slurm: munged, slurmctld and four slurmd on this host, each with a host name of its own, in namespaces that
end with the test (real_host.py). Needs Debian's slurm-wlm and munge. The first argument of a test is the program."""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import real_host

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "faults"))
import launch  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAM = str(pathlib.Path(sys.argv[1]).resolve())
NODES = 4
PATIENCE = 120  # seconds for what takes ten on an idle machine
START_SECONDS = 30
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL")

# PMIx keeps its files in one folder of the host. Each node gets its own by a mount that only it sees.
NODE = 'hostname "node$1" && mount --bind "$2/pmix-node$1" "$2/pmix" && exec slurmd -D -N "node$1"'

OPEN_MPI = {"OMPI_MCA_mpi_yield_when_idle": "1", "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
            "OMPI_MCA_btl_vader_single_copy_mechanism": "none", "OMPI_MCA_rmaps_base_oversubscribe": "1"}


def processes(belongs, command=None):
    """Ids of the processes whose environment belongs, and that have this name if one is given."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and command in (None, (entry / "comm").read_text().strip()):
                words = (entry / "environ").read_bytes().decode(errors="replace").split("\0")
                if belongs(dict(word.split("=", 1) for word in words if "=" in word)):
                    found.append(int(entry.name))
    return found


def require(condition, message, *texts):
    if not condition:
        print(*[text() if callable(text) else text for text in texts], sep="\n")
        sys.exit(f"FAILED: {message}")


def holds_within(seconds, condition):
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            return False
        time.sleep(0.05)
    return True


def wait_until(condition, message, *texts, seconds=PATIENCE):
    require(holds_within(seconds, condition), f"{message} within {seconds} s", *texts)


class Cluster:
    def __init__(self, here):
        self.here = here
        plain = {key: value for key, value in os.environ.items() if not key.startswith(("SLURM_", "OMP_"))}
        self.environment = {**plain, **OPEN_MPI, "SLURM_CONF": str(here / "slurm.conf"), "SWITCHYARD": PROGRAM}
        self.checkout = here / "the checkout"
        self.checkout.mkdir()
        shutil.copytree(ROOT / "slurm", self.checkout / "slurm")
        self.daemons = {}
        self.size = NODES

    def prepare(self):
        numbers = [n + 1 for n in range(NODES)]
        for name in ("state", "log", "pmix", "munge", *(f"spool/node{n}" for n in numbers),
                     *(f"pmix-node{n}" for n in numbers)):
            (self.here / name).mkdir(parents=True)
        template = (pathlib.Path(__file__).parent / "slurm.conf.in").read_text()
        (self.here / "slurm.conf").write_text(template.format(here=self.here, nodes=NODES, last_port=6820 + NODES))
        (self.here / "mpi.conf").write_text(f"PMIxCliTmpDirBase={self.here}/pmix\n")
        key = self.here / "munge/key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        (self.here / "munge").chmod(0o711)

    def start(self):
        """Skips the test if no idle nodes come of it."""
        self.prepare()
        munge = self.here / "munge"
        self.run_daemon("munged", "munged", "--foreground", "--force", f"--key-file={munge}/key",
                        f"--socket={munge}/socket", f"--pid-file={munge}/pid", f"--seed-file={munge}/seed",
                        f"--log-file={self.here}/log/munged")
        if not holds_within(START_SECONDS, (munge / "socket").exists):
            self.skip("munged does not start")
        self.run_daemon("slurmctld", "slurmctld", "-D", "-i")
        for number in range(1, NODES + 1):
            self.start_node(number)
        if not holds_within(START_SECONDS, lambda: self.idle_nodes() == NODES):
            self.skip("Slurm does not start")

    def skip(self, reason):
        for log in sorted((self.here / "log").iterdir()):
            print(f"== {log.name}", *log.read_text(errors="replace").splitlines()[-10:], sep="\n")
        real_host.skip(f"{reason} within {START_SECONDS} s")

    def run_daemon(self, name, *command):
        with open(self.here / f"log/{name}.out", "ab") as log:
            self.daemons[name] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                  env=self.environment, start_new_session=True)

    def start_node(self, number):
        self.run_daemon(f"node{number}", "unshare", "--uts", "--mount", "bash", "-c", NODE, "bash", str(number),
                        str(self.here))

    def idle_nodes(self):
        done = subprocess.run(["sinfo", "-h", "-p", "normal", "-t", "idle", "-o", "%D"], env=self.environment,
                              capture_output=True, text=True, timeout=PATIENCE, check=False)
        return int(done.stdout.strip() or 0)

    def ask(self, *command):
        done = subprocess.run(command, env=self.environment, cwd=self.checkout, capture_output=True, text=True,
                              timeout=PATIENCE, check=False)
        require(done.returncode == 0, f"{command}: {done.stderr}", done.stdout)
        return done.stdout

    def fail_node(self, number):
        """Kills the node's slurmd and all that it started."""
        for process in processes(lambda environment: environment.get("SLURMD_NODENAME") == f"node{number}"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        daemon = self.daemons.pop(f"node{number}")
        daemon.kill()
        daemon.wait()

    @staticmethod
    def processes(command, job):
        return processes(lambda environment: environment.get("SLURM_JOB_ID") == job, command)

    @contextlib.contextmanager
    def stopped(self, command, job):
        """Stops the job's processes of this command for a while."""
        found = self.processes(command, job)
        require(found, f"job {job} has no process {command}")
        for number in (signal.SIGSTOP, signal.SIGCONT):
            for process in found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, number)
            if number == signal.SIGSTOP:
                yield

    def stop(self):
        for daemon in reversed(self.daemons.values()):
            daemon.terminate()
        for daemon in self.daemons.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                daemon.wait(5)

    def submit(self, script, *words, options=(), nodes=2, ranks=1, environment=None):
        exported = ",".join(["ALL", *[f"{key}={value}" for key, value in (environment or {}).items()]])
        number = self.ask("sbatch", "--parsable", f"--nodes={nodes}", f"--ntasks-per-node={ranks}", "--cpus-per-task=1",
                          f"--export={exported}", *options, f"slurm/{script}", *[str(word) for word in words])
        return Job(self, number.strip())

    def sleep(self, options, seconds):
        number = self.ask("sbatch", "--parsable", *options, f"--wrap=sleep {seconds}")
        return Job(self, number.strip())


class Job:
    def __init__(self, cluster, number):
        self.cluster = cluster
        self.number = number

    def text(self):
        logs = self.cluster.checkout.glob(f"switchyard*-{self.number}.log")
        return "".join(log.read_text(errors="replace") for log in sorted(logs))

    def show(self):
        """{"JobState": "RUNNING", "Restarts": "0", ...}"""
        words = self.cluster.ask("scontrol", "show", "job", self.number).split()
        return dict(word.split("=", 1) for word in words if "=" in word)

    def wait_for(self, text):
        wait_until(lambda: text in self.text(), f"job {self.number} does not print '{text}'", self.text,
                   lambda: str(self.show()))

    def end(self):
        """Its state and exit code, such as ("COMPLETED", "0:0"), once it has ended for good."""
        wait_until(lambda: self.show()["JobState"] in ENDED, f"job {self.number} does not end", self.text,
                   lambda: str(self.show()), seconds=2 * PATIENCE)
        shown = self.show()
        return shown["JobState"], shown["ExitCode"]

    def require_done(self):
        require(self.end() == ("COMPLETED", "0:0"), f"job {self.number} does not end well", self.text,
                lambda: str(self.show()))


@contextlib.contextmanager
def real_cluster():
    here = real_host.enter("slurmctld", "slurmd", "munged", "sbatch")
    cluster = Cluster(here)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
