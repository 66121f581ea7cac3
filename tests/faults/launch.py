# SPDX-License-Identifier: Apache-2.0
"""Shared by the fault tests: the real program under mpirun on the build's text sample, the processes of its ranks, and
the time limits for a run to end. The first argument of each test is the program."""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SWITCHYARD = str(pathlib.Path(sys.argv[1]).resolve())
HOSTED = SWITCHYARD.endswith("_hostcuda")  # executes CUDA code on the host, which is slow
BACKEND = os.environ.get("SWITCHYARD_TEST_BACKEND", "cpu")
PATIENCE = 60  # seconds allowed for what takes one or two on an idle machine
COMPARE = pathlib.Path(__file__).parent.parent / "e2e" / "compare_metrics.py"
MPIRUN = ["mpirun", "--oversubscribe", "--bind-to", "none", "--mca", "btl_vader_single_copy_mechanism",
          "none", "--mca", "mpi_yield_when_idle", "1"]

CONFIG = """\
backend: {backend}
run: {{name: tiny, directory: {folder}, seed: 3, hang_timeout_seconds: 30}}
model: {{d_model: 16, d_kv: 8, num_heads: 2, d_ff: 32, encoder_layers: 2, decoder_layers: 2, dropout: 0.1,
        experts: {{count: 4, capacity_factor: 1.0}}}}
data: {{train: ["{folder}/c4-train.*.json.gz"], validation: ["{folder}/c4-validation.*.json.gz"],
       tokenizer: {folder}/small.model, encoder_length: 16, streams: 4, shuffle_buffer: 8}}
optimizer: {{warmup_steps: 100}}
train: {{steps: 200, global_batch: 8, micro_batch: 2, log_every: 1, eval_every: 50, eval_sequences: 8,
        checkpoint_every: 10, keep_checkpoints: 0}}
"""


def fail(message, run=None):
    if run is not None:
        print(run.text())
    sys.exit(f"FAILED: {message}")


def require(condition, message, run=None):
    if not condition:
        fail(message, run)


def sample():
    """The folder of the build's text sample, found as tests/support/sample.sh does."""
    beside = pathlib.Path(SWITCHYARD).parent
    given = os.environ.get("SWITCHYARD_SAMPLE")
    places = [pathlib.Path(given)] if given else [beside / "tests" / "sample", beside / "sample"]
    for place in places:
        if (place / "small.model").exists():
            return place
    return fail(f"{places[-1]} does not exist; build the target test_sample")


@contextlib.contextmanager
def workplace():
    """A temporary folder with text, tokenizer and tiny.yaml."""
    folder = pathlib.Path(tempfile.mkdtemp())
    try:
        shutil.copytree(sample(), folder, dirs_exist_ok=True)
        (folder / "tiny.yaml").write_text(CONFIG.format(backend=BACKEND, folder=folder))
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Run:
    """A started command whose output goes to a file."""

    def __init__(self, command, out, environment=None):
        self.out = pathlib.Path(out)
        self.file = open(self.out, "wb")
        root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
        self.process = subprocess.Popen(
            [str(word) for word in command], stdout=self.file, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, start_new_session=True,
            env={**os.environ, **root, "OMP_NUM_THREADS": "1", **(environment or {})})

    def text(self):
        return self.out.read_text(encoding="utf-8", errors="replace")

    def errors(self):
        """The error lines that the program printed, without the prefix that names the rank."""
        return [line.split("error: ", 1)[1] for line in self.text().splitlines()
                if line.startswith("error: ") or (line.startswith("[rank ") and "] error: " in line)]

    def wait_for(self, text):
        """Waits until the run has printed the text. Returns False if it ended without doing so."""
        limit = time.monotonic() + PATIENCE
        while text not in self.text():
            if self.process.poll() is not None:
                return text in self.text()
            if time.monotonic() > limit:
                self.kill()
                fail(f"'{text}' was not printed within {PATIENCE} s", self)
            time.sleep(0.01)
        return True

    def ranks(self):
        """{rank: its process id}"""
        found = {}
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError, StopIteration):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if parent != self.process.pid:
                    continue
                words = (entry / "environ").read_bytes().split(b"\0")
                rank = next(word for word in words if word.startswith(b"OMPI_COMM_WORLD_RANK="))
                found[int(rank.partition(b"=")[2])] = int(entry.name)
        return found

    def signal(self, number, rank=None):
        """Sends a signal to one rank, or to mpirun."""
        os.kill(self.process.pid if rank is None else self.ranks()[rank], number)

    def end(self, seconds=PATIENCE):
        """Waits for the end and returns the exit code. A run that takes longer than `seconds` fails the test."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            fail(f"still running after {seconds} s", self)
        self.file.close()
        return code

    def kill(self):
        for pid in self.ranks().values():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait()


def settings(given):
    return [word for key, value in given.items() for word in ("--set", f"{key}={value}")]


def pretrain(folder, ranks, name, given=None, mpi=(), environment=None, resume="auto"):
    return Run([*MPIRUN, *mpi, "-n", ranks, SWITCHYARD, "pretrain", folder / "tiny.yaml", "--resume", resume,
                *settings({"run.name": name, **(given or {})})], folder / f"{name}.out", environment)


def checkpoints(folder, name):
    """{step: folder} of the committed checkpoints."""
    found = (folder / name / "checkpoints").glob("step-????????/manifest.json")
    return {int(path.parent.name[5:]): path.parent for path in found}


def verify(checkpoint):
    done = subprocess.run([SWITCHYARD, "inspect", checkpoint, "--verify"], capture_output=True, text=True,
                          timeout=PATIENCE, check=False)
    require(done.returncode == 0, f"{checkpoint} is damaged: {done.stderr}")


def require_same_metrics(folder, *names, tolerance=0):
    """Requires the metrics of the runs to be equal, except for timings: bit for bit, or as compare_metrics.py says."""
    files = [folder / name / "metrics.jsonl" for name in names]
    done = subprocess.run([sys.executable, COMPARE, str(tolerance), *files], capture_output=True, text=True, check=False)
    require(done.returncode == 0, f"metrics of {names}: {done.stderr}")
    print(f"{names[1]} compared with {names[0]}: {done.stdout.strip()}")
