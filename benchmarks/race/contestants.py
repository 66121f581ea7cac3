# SPDX-License-Identifier: Apache-2.0
"""For race.py: one turn of each side, which is a fresh process that takes its steps and reports on them."""
import json
import os
import pathlib
import statistics
import subprocess
from dataclasses import dataclass

from sizes import arguments
from torch_settings import settings_of

HERE = pathlib.Path(__file__).resolve().parent


@dataclass
class Turn:
    tokens_per_second: float  # median over the turn's steps
    first_step_seconds: float  # since the start of the process
    peak_bytes: int  # VmHWM after the steps
    of_products: float = 0  # Switchyard only: the step's FLOP/s over the machine's measured GEMM rate


class Unavailable(Exception):
    """A side cannot run this case; the text is its own error message."""


def run(command, text=None, environment=None):
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False,
                          env=dict(os.environ, **(environment or {})))
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines() or ["nothing"]
        raise Unavailable(f"exit code {done.returncode}: {said[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


@dataclass
class Switchyard:
    program: str
    config: str
    overrides: list
    name: str = "Switchyard"

    def turn(self, steps):
        found = run([self.program, "bench", *arguments(self.config, self.overrides), "--json", "--rounds", str(steps)])
        return Turn(found["step"]["tokens_per_second"], found["first_step_seconds"], found["memory"]["resident_peak"],
                    found["step"]["of_product_rate"])


@dataclass
class Torch:
    python: str
    resolved: dict
    setting: str
    threads: int
    name: str = "PyTorch"
    profile: bool = False
    busy: bool = False  # one thread, timed by processor time, so that other load on the machine matters less

    def turn(self, steps):
        told, environment = settings_of(self.setting, 1 if self.busy else self.threads)
        job = dict(run=self.resolved, settings=told, steps=steps, profile=self.profile)
        found = run([self.python, str(HERE / "torch_steps.py")], json.dumps(job), environment)
        self.shares = found.get("profile", {})
        self.version = found["torch"]
        seconds = found["processor_seconds" if self.busy else "step_seconds"]
        return Turn(found["tokens"] / statistics.median(seconds), found["first_step_seconds"],
                    found["peak_resident"])
