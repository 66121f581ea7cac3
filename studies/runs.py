# SPDX-License-Identifier: Apache-2.0
"""The runs behind a study: which run an arm needs, where it lies, and how it is trained.

Arms that come to the same keys and seed, in whatever study, are one run. It lies in RUNS/DIGEST-SEED, where the digest
is that of all keys but name, place, seed and, where the schedule does not depend on it, the number of steps: a shorter
study reads the beginning of a longer run. A run may start from another, a base: the digest then has the base's in it.
"""

import dataclasses
import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import yaml

# What a run's log says at the end of a distillation.
SIZES = re.compile(r"the student has (\d+) parameters, .* fewer than the teacher's (\d+)")
# What a study keeps of a run's metrics.
KEPT = ("kind", "step", "loss", "tasks", "corpora", "soft_loss", "balance_loss", "grad_norm", "tokens_per_second", "dropped_fraction", "expert_load_max")


@dataclasses.dataclass(frozen=True)
class Run:
    arm: str
    seed: int
    folder: Path
    digest: str
    steps: int
    command: tuple  # without the program
    is_base: bool = False  # whether other runs start from its last checkpoint

    @property
    def key(self):
        return f"{self.digest}-{self.seed}"


def flat(tree, above=""):
    """{"a.b": value} of nested mappings."""
    keys = {}
    for name, value in tree.items():
        keys.update(flat(value, f"{above}{name}.") if isinstance(value, dict) else {above + str(name): value})
    return keys


def as_text(value):
    """A value as --set takes it: YAML in one line."""
    return json.dumps(value) if not isinstance(value, str) else value


def digest_of(keys, of_base=False):
    """Equal for keys that come to the same run. A base is what it is after all of its steps."""
    ignored = {"run.name", "run.directory", "run.seed"}
    if not of_base and keys.get("optimizer.schedule", "rsqrt") in ("rsqrt", "constant"):
        ignored |= {"train.steps"}
    text = json.dumps({key: value for key, value in keys.items() if key not in ignored}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def with_bases(keys, bases, what):
    """The keys with each "{NAME}" in a value replaced by a member of the base of that name."""

    def named(value):
        for name, base in bases.items():
            value = value.replace(f"{{{name}}}", str(getattr(base, what))) if isinstance(value, str) else value
        return value

    return {key: named(value) for key, value in keys.items()}


def make_run(study, path, runs, arm, seed, changed, bases, of_base=False):
    configuration = (path.parent / study["configuration"]).resolve()
    changed = dict(changed)
    command = changed.pop("command", "pretrain")
    keys = {**flat(yaml.safe_load(configuration.read_text(encoding="utf-8"))), **with_bases(changed, bases, "digest")}
    keys |= {} if command == "pretrain" else {"command": command}
    as_base = digest_of(keys, of_base=True)
    digest = as_base if of_base or as_base in [base.digest for base in bases.values()] else digest_of(keys)
    folder = runs / f"{digest}-{seed}"
    place = {"run.name": folder.name, "run.directory": str(runs), "run.seed": seed}
    words = [command, str(configuration)]
    for key, value in {**with_bases(changed, bases, "folder"), **place}.items():
        words += ["--set", f"{key}={as_text(value)}"]
    return Run(arm, seed, folder, digest, int(keys.get("train.steps", 300)), tuple(words))


def bases_of(study, path, runs, seed):
    """{name: run} of the bases with a seed, each of which may start from those before it. They take nothing from the
    study's `set`. An arm with the keys of a base is the same run."""
    bases = {}
    for name, changed in study.get("bases", {}).items():
        run = make_run(study, path, runs, name, seed, flat(changed or {}), bases, of_base=True)
        bases[name] = dataclasses.replace(run, is_base=True)
    return bases


def stages_of(study, path, runs):
    """The runs of all bases, in lists: those of one start from those of lists before it."""
    stages = {}
    depth = {}
    for name, changed in study.get("bases", {}).items():
        values = [value for value in flat(changed or {}).values() if isinstance(value, str)]
        depth[name] = 1 + max((depth[other] for other in depth if any(f"{{{other}}}" in value for value in values)), default=0)
        stages.setdefault(depth[name], []).append(name)
    by_seed = [bases_of(study, path, runs, seed) for seed in study["seeds"]]
    return [[bases[name] for bases in by_seed for name in stages[stage]] for stage in sorted(stages)]


def run_of(study, path, runs, arm, seed):
    """The run of an arm with a seed, of the study that was read from `path`."""
    bases = bases_of(study, path, runs, seed)
    return make_run(study, path, runs, arm, seed, flat({**(study.get("set") or {}), **(study["arms"][arm] or {})}), bases)


def runs_of(study, path, runs):
    """Every run; all arms with one seed before the next, so that half a study can be compared."""
    return [run_of(study, path, runs, arm, seed) for seed in study["seeds"] for arm in study["arms"]]


def steps_done(run):
    """The steps of a finished run; 0 while it is not finished, or if nothing can start from it although it is a base."""
    path = run.folder / "done"
    if not path.is_file() or (run.is_base and not (run.folder / "checkpoints").is_dir()):
        return 0
    return int(path.read_text(encoding="utf-8"))


def train(run, binary, threads, label):
    """Trains; returns nothing, or what went wrong. One that ended earlier than this needs is made anew."""
    if (run.folder / "done").is_file():
        shutil.rmtree(run.folder)
    run.folder.mkdir(parents=True, exist_ok=True)
    (run.folder / "first-needed-by").write_text(f"{label}\n", encoding="utf-8")
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads), OMPI_MCA_hwloc_base_binding_policy="none")
    with open(run.folder / "study.out", "ab") as output:
        command = [str(binary), *run.command]
        code = subprocess.run(command, stdout=output, stderr=output, env=environment, check=False).returncode
    if code:
        last = (run.folder / "study.out").read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
        return f"exit code {code} in {run.folder}: {' '.join(last)}"
    (run.folder / "done").write_text(f"{run.steps}\n", encoding="utf-8")
    if not run.is_base:
        shutil.rmtree(run.folder / "checkpoints", ignore_errors=True)  # the numbers are what a study is for
    return None


def sizes_of(run):
    """The parameters of a student and its teacher, as a line of the metrics that are kept; none if it had no teacher."""
    log = run.folder / "log.txt"
    found = SIZES.search(log.read_text(encoding="utf-8")) if log.is_file() else None
    return [{"kind": "distilled", "student": int(found[1]), "teacher": int(found[2])}] if found else []


def short(value):
    if isinstance(value, dict):
        return {key: short(of) for key, of in value.items()}
    return float(f"{value:.6g}") if isinstance(value, float) else value


def keep(run, path):
    """Writes what a study keeps of a finished run: one line on the run, then one for each line of its metrics."""
    text = (run.folder / "metrics.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    kept = [{key: short(line[key]) for key in KEPT if key in line} for line in lines if line["step"] <= run.steps]
    head = {"kind": "run", "digest": run.digest, "seed": run.seed, "steps": run.steps}
    path.write_text("".join(json.dumps(line) + "\n" for line in [head, *kept, *sizes_of(run)]), encoding="utf-8")


def kept_lines(run, path):
    """The lines of `path` after the first, if they are of this very run; else none."""
    if not path.is_file():
        return []
    head, *lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return lines if (head["digest"], head["steps"]) == (run.digest, run.steps) else []
