# SPDX-License-Identifier: Apache-2.0
"""Faults of what surrounds a run: its text, the clock, a second start, and numbers that are not finite."""
import shutil
import time

from kinds import kind
from trial import PATIENCE, require


@kind("clock: leaps", resumes=False, early=True)
def clock_leaps(trial):
    seconds = trial.draws.choice((-1, 1)) * trial.draws.choice((3600, 86400, 30 * 86400, 10 * 365 * 86400))
    rank = trial.draws.choice(("all", 0, trial.mesh.ranks - 1))
    trial.start(trial.draw(trial.draws.choice(("start", "collective", "save")), f"clock {seconds}", rank))
    require(trial.end(ends=False) == 0, "a leap of the clock ends the run")
    trial.require_equal()


@kind("NaN: the run stops", least_ranks=2, early=True)
def nan_stops(trial):
    """One rank's gradients, or what else it adds to a sum, are not finite."""
    trial.start(trial.draw("collective", "nan"))
    code = trial.end()
    if code == 0 and "not finite" not in trial.run.text():
        trial.missed = True
        return
    require(code == 1, f"with a NaN the exit code is {code}")
    trial.require_message("not finite")


@kind("NaN: the step is skipped", least_ranks=2, resumes=False)
def nan_skipped(trial):
    trial.start(trial.draw("collective", "nan"), {"optimizer.on_nonfinite": "skip"})
    require(trial.end(ends=False) == 0, "a step that is not finite ends a run that is to skip it")
    trial.missed = "the step is skipped" not in trial.run.text()
    trial.require_kept()


@kind("two starts at once", resumes=False, early=True)
def two_starts(trial):
    """One of them trains, the other is refused."""
    first = trial.start(hang=PATIENCE)
    time.sleep(trial.draws.choice((0, trial.draws.uniform(0, 0.8))))
    second = trial.start(hang=PATIENCE)
    codes = [run.end(PATIENCE) for run in (first, second)]
    require(sorted(codes) in ([0, 2], [0, 0]), f"the exit codes are {codes}")
    refused = first if codes[0] == 2 else second
    if 2 in codes:
        require(len(refused.errors()) == 1 and "is in use by" in refused.errors()[0],
                f"the second start says {refused.errors()}")
    trial.require_equal()


def own_text(trial):
    """Copies of the shards, which the run reads."""
    text = trial.folder / "text"
    text.mkdir()
    for shard in trial.root.glob("c4-train.*.json.gz"):
        shutil.copy(shard, text)
    trial.given = {"data.train": f"[{text}/c4-train.*.json.gz]"}
    return text


@kind("text: cut off", resumes=False)
def text_cut(trial):
    """A run that is to fail on bad records names the shard; with the shard mended it begins again."""
    text = own_text(trial)
    for shard in text.iterdir():
        size = shard.stat().st_size
        with open(shard, "r+b") as file:
            file.truncate(trial.draws.randint(1, size // 8))
    trial.start(given={"data.on_bad_record": "fail"})
    require(trial.end(ends=False) == 3, "with its text cut off the exit code is not 3")
    trial.require_message("c4-train.")
    for shard in text.iterdir():
        shutil.copy(trial.root / shard.name, shard)
    trial.resume("none")


@kind("text: changed before a resume")
def text_changed(trial):
    text = own_text(trial)
    trial.start(trial.draw("collective", "signal 10 self"))
    trial.end()
    shard = trial.draws.choice(sorted(text.iterdir()))
    with open(shard, "ab") as file:
        file.write(b"\n")
    trial.start()
    code = trial.end()
    require(code == 2, f"with other text the exit code is {code}")
    require(any(shard.name in line for line in trial.run.errors()), f"no message names {shard.name}")
    shutil.copy(trial.root / shard.name, shard)


@kind("text: gone during a run", early=True)
def text_gone(trial):
    """What has been read already may do; otherwise the message names a shard."""
    text = own_text(trial)
    trial.start(trial.draw("collective", "pause"))
    trial.wait_for_fault()
    text.rename(trial.folder / "away")
    trial.go()
    code = trial.end(ends=False)
    if code != 0:
        require(code == 3, f"without its text the exit code is {code}")
        trial.require_message("c4-train.")
    (trial.folder / "away").rename(text)
