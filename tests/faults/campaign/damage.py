# SPDX-License-Identifier: Apache-2.0
"""Damage to the files of a run between two starts: the newest checkpoint, or the newest two, are set aside with a
warning that names the file, and the run goes on from the one before."""
import shutil

from kinds import kind
from trial import KILL, Fault, require


def steps(trial):
    return sorted(int(path.name[5:]) for path in trial.checkpoints.glob("step-????????"))


def newest(trial, before=0):
    return trial.checkpoints / f"step-{steps(trial)[-1 - before]:08d}"


def copy_until(trial, least=3):
    """The undisturbed run, as if it had been interrupted after one of its checkpoints."""
    shutil.copytree(trial.mesh.folder, trial.run_folder)
    all_steps = steps(trial)
    kept = trial.draws.randint(least, len(all_steps) - 1)
    for step in all_steps[kept:]:
        shutil.rmtree(trial.checkpoints / f"step-{step:08d}")
    return all_steps[:kept]


def file_of(trial, checkpoint):
    return trial.draws.choice(sorted(path for path in checkpoint.iterdir() if path.is_file()))


def resumes_before(trial, path, lost, named=None):
    """Requires that the `lost` newest checkpoints are set aside, with a warning that names the file, and that the one
    before is resumed."""
    trial.fault = f"{path.parent.name}/{path.name}"
    expected = steps(trial)[-1 - lost]
    trial.resume()
    text = trial.run.text()
    require(f" at step {expected}\n" in text, f"the run does not resume from step {expected}")
    require(text.count("was moved to ") == lost, f"{text.count('was moved to ')} checkpoints set aside, not {lost}")
    named = named or path.name
    require(named in text, f"no warning names {named}")
    aside = sorted(trial.checkpoints.glob("set-aside-*/step-*"))
    require(len(aside) == lost, f"{len(aside)} checkpoints are kept aside, not {lost}")


def flip(trial, path):
    data = bytearray(path.read_bytes())
    data[trial.draws.randrange(len(data))] ^= 1 << trial.draws.randrange(8)
    path.write_bytes(data)


def cut(trial, path):
    size = path.stat().st_size
    with open(path, "r+b") as file:
        file.truncate(trial.draws.choice((0, size - 1, trial.draws.randrange(size))))


def grow(trial, path):
    with open(path, "ab") as file:
        file.write(trial.draws.randbytes(trial.draws.choice((1, 4096))))


def zero(trial, path):
    """A block of zeros, as a file system leaves that lost it."""
    data = bytearray(path.read_bytes())
    begin = trial.draws.randrange(len(data)) & ~511
    end = min(begin + 4096, len(data))
    if not any(data[begin:end]):
        begin, end = 0, 1
    data[begin:end] = bytes(end - begin)
    path.write_bytes(data)


def damaged(trial, how):
    copy_until(trial)
    path = file_of(trial, newest(trial))
    how(trial, path)
    resumes_before(trial, path, 1)


@kind("checkpoint: bit flipped", resumes=False, early=True)
def flipped(trial):
    damaged(trial, flip)


@kind("checkpoint: cut", resumes=False)
def shortened(trial):
    damaged(trial, cut)


@kind("checkpoint: longer", resumes=False)
def longer(trial):
    damaged(trial, grow)


@kind("checkpoint: block of zeros", resumes=False)
def zeroed(trial):
    damaged(trial, zero)


@kind("checkpoint: file missing", resumes=False, early=True)
def missing(trial):
    """Without a manifest it was never committed, so that there is nothing to set aside."""
    copy_until(trial)
    path = file_of(trial, newest(trial))
    path.unlink()
    if path.name != "manifest.json":
        return resumes_before(trial, path, 1)
    trial.fault = f"{path.parent.name}/{path.name}"
    expected = steps(trial)[-2]
    trial.resume()
    return require(f" at step {expected}\n" in trial.run.text(), f"the run does not resume from step {expected}")


@kind("checkpoint: files swapped between steps", resumes=False)
def swapped(trial):
    """Neither of the two is then right."""
    copy_until(trial)
    one = file_of(trial, newest(trial))
    while one.name == "tokenizer.model":
        one = file_of(trial, newest(trial))
    other = newest(trial, 1) / one.name
    swap(one, other)
    # A manifest is right in itself, but not for the files beside it.
    resumes_before(trial, one, 2, one.parent.name if one.name == "manifest.json" else one.name)


def swap(one, other):
    spare = one.with_name("spare")
    one.rename(spare)
    other.rename(one)
    spare.rename(other)


@kind("checkpoint: shards swapped", least_ranks=2, resumes=False)
def shards_swapped(trial):
    copy_until(trial)
    one, other = trial.draws.sample(sorted(newest(trial).glob("shard-*.h5")), 2)
    swap(one, other)
    resumes_before(trial, min(one, other), 1)


@kind("checkpoint: two damaged", resumes=False)
def two_damaged(trial):
    copy_until(trial)
    for before in (0, 1):
        path = file_of(trial, newest(trial, before))
        trial.draws.choice((flip, cut, zero))(trial, path)
    resumes_before(trial, path, 2)


@kind("checkpoint: killed while set aside", resumes=False)
def killed_while_set_aside(trial):
    copy_until(trial)
    before = steps(trial)
    path = file_of(trial, newest(trial))
    flip(trial, path)
    trial.start(Fault("commit", trial.draws.randint(1, 4), 0, KILL))
    require(trial.end() not in (0, 75), "a killed rank goes unnoticed")
    trial.resume()
    require(f" at step {before[-2]}\n" in trial.run.text(), f"the run does not resume from step {before[-2]}")
    aside = sorted(trial.checkpoints.glob("set-aside-*/step-*"))
    require([place.name for place in aside] == [path.parent.name], "the damaged checkpoint is not kept aside")


@kind("metrics: torn last line", resumes=False)
def torn_metrics(trial):
    """A line of a step after the checkpoint, torn by a crash."""
    last = copy_until(trial, 1)[-1]
    path = trial.run_folder / "metrics.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    first = next(i for i, line in enumerate(lines) if f'"step":{last + 1},' in line.replace(" ", ""))
    trial.fault = f"metrics.jsonl, line {first + 1}"
    path.write_text("".join(lines[:first]) + lines[first][:trial.draws.randrange(len(lines[first]))])
    trial.resume()
