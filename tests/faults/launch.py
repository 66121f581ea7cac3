"""What the tests of faults share: the real program under mpirun on the build's sample of text, its ranks' processes,
and the limits within which a run must end. Tests are given the program as their first argument."""
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
HOSTED = SWITCHYARD.endswith("_hostcuda")  # a GPU's code on the host, which is slow
BACKEND = os.environ.get("SWITCHYARD_TEST_BACKEND", "cpu")
PATIENCE = 60  # seconds for what takes one or two on an idle machine
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
    """The text that the build makes for tests, as tests/support/sample.sh finds it."""
    beside = pathlib.Path(SWITCHYARD).parent
    given = os.environ.get("SWITCHYARD_SAMPLE")
    places = [pathlib.Path(given)] if given else [beside / "tests" / "sample", beside / "sample"]
    for place in places:
        if (place / "small.model").exists():
            return place
    return fail(f"{places[-1]} is absent: build the target test_sample")


@contextlib.contextmanager
def workplace():
    """A folder with text, tokenizer and tiny.yaml, gone afterwards."""
    folder = pathlib.Path(tempfile.mkdtemp())
    try:
        shutil.copytree(sample(), folder, dirs_exist_ok=True)
        (folder / "tiny.yaml").write_text(CONFIG.format(backend=BACKEND, folder=folder))
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Run:
    """A command that was started, its output in a file."""

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
        """What the program said went wrong, each line without the rank that says it."""
        return [line.split("error: ", 1)[1] for line in self.text().splitlines()
                if line.startswith("error: ") or (line.startswith("[rank ") and "] error: " in line)]

    def wait_for(self, text):
        """False where the run ended without printing it."""
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
        """The process of each rank, by its number."""
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
        """To one rank, or to mpirun."""
        os.kill(self.process.pid if rank is None else self.ranks()[rank], number)

    def end(self, seconds=PATIENCE):
        """The exit code; a run that takes longer has failed."""
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


def pretrain(folder, ranks, name, given=None, mpi=(), environment=None):
    return Run([*MPIRUN, *mpi, "-n", ranks, SWITCHYARD, "pretrain", folder / "tiny.yaml",
                *settings({"run.name": name, **(given or {})})], folder / f"{name}.out", environment)


def checkpoints(folder, name):
    """Committed ones, by step."""
    found = (folder / name / "checkpoints").glob("step-????????/manifest.json")
    return {int(path.parent.name[5:]): path.parent for path in found}


def verify(checkpoint):
    done = subprocess.run([SWITCHYARD, "inspect", checkpoint, "--verify"], capture_output=True, text=True,
                          timeout=PATIENCE, check=False)
    require(done.returncode == 0, f"{checkpoint} is damaged: {done.stderr}")


def require_same_metrics(folder, *names):
    """Bit for bit, but for clocks."""
    files = [folder / name / "metrics.jsonl" for name in names]
    done = subprocess.run([sys.executable, COMPARE, "0", *files], capture_output=True, text=True, check=False)
    require(done.returncode == 0, f"metrics of {names}: {done.stderr}")
    print(f"{names[1]} as {names[0]}: {done.stdout.strip()}")
