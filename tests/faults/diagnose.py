#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""diagnose.py PROGRAM MPI_FAULTS SLOW_DISK: a rank is killed, is stopped, fails, makes another call, crashes, or is stuck
outside of collectives. `diagnose` names it each time, with host, process, step and call, and so does the watchdog where
it ends the run. A run that ends as it should leaves nothing to diagnose."""
import gzip
import json
import re
import signal
import socket
import subprocess
import sys

from launch import MPIRUN, PATIENCE, SWITCHYARD, Run, pretrain, require, settings, workplace

MPI_FAULTS, SLOW_DISK = sys.argv[2:4]
LIMIT = 6  # seconds that a collective may block, where one does; MPI_Init takes some of them on a busy machine
GIVEN = {"train.steps": 20000, "train.eval_every": 0, "train.checkpoint_every": 0, "run.hang_timeout_seconds": 60}
HOST = socket.gethostname()


def diagnose(folder, *words):
    return subprocess.run([SWITCHYARD, "diagnose", folder, *words], capture_output=True, text=True, timeout=PATIENCE,
                          check=False)


def diagnosis(folder, run, cause, at_fault):
    """The diagnosis as JSON. Requires the cause and the ranks at fault, by number."""
    done = diagnose(folder, "--json")
    require(done.returncode == 0, f"diagnose has the exit code {done.returncode}: {done.stderr}", run)
    found = json.loads(done.stdout)
    require((found["cause"], found["ranks"]) == (cause, at_fault), f"not {cause} of {at_fault}: {done.stdout}", run)
    text = diagnose(folder)
    require(text.stdout.startswith(found["verdict"] + "\n"), f"the text does not begin with the verdict: {text}", run)
    require(all(state["host"] == HOST and state["pid"] > 1 for state in found["states"]), "places of the ranks", run)
    print(f"{run.out.stem}: {found['verdict']}")
    return found


def require_words(found, run, *words):
    for word in words:
        require(word in found["verdict"], f"'{found['verdict']}' does not mention {word}", run)


def started(folder, name, given=None, ranks=2):
    run = pretrain(folder, ranks, name, {**GIVEN, **(given or {})})
    require(run.wait_for("step 20/"), "the run ended by itself", run)
    return run


def unlike(folder, name, given, second=None, slow_fsync=None):
    """A run of two ranks, the second of which has settings of its own, or an fsync that takes so many milliseconds."""
    command = list(MPIRUN)
    preload = ["-x", f"LD_PRELOAD={SLOW_DISK}", "-x", f"SLOW_FSYNC_MS={slow_fsync}"] if slow_fsync else []
    for own, more in (([], {}), (preload, second or {})):
        command += [*own, "-n", 1, SWITCHYARD, "pretrain", folder / "tiny.yaml",
                    *settings({"run.name": name, **GIVEN, **given, **more}), ":"]
    return Run(command[:-1], folder / f"{name}.out")


def check_waiting(found, run, rank, for_ranks=None):
    """The rank waits, for those where they are given, in a call that is named."""
    waiting = found["states"][rank]["waiting"]
    require(waiting is not None and for_ranks in (None, waiting["for_ranks"]), f"rank {rank} waits in {waiting}", run)
    require(waiting["step"] >= 20 and f'{waiting["collective"]} "{waiting["label"]}" (call {waiting["call"]} of group '
            f'{waiting["group"]}) at step {waiting["step"]}' in found["verdict"], f"{waiting} is not in the verdict", run)


def killed(folder):
    run = started(folder, "killed")
    pid = run.ranks()[1]
    run.signal(signal.SIGKILL, 1)
    require(run.end() != 0, "a killed rank went unnoticed", run)
    found = diagnosis(folder / "killed", run, "missing", [1])
    require_words(found, run, f"rank 1 ({HOST}, pid {pid}) has no record")
    require(not found["states"][1]["record"] and found["states"][0]["reason"] == "terminated", f"{found}", run)
    later = started(folder, "killed")
    later.signal(signal.SIGTERM, 0)
    require(later.end() == 75, "the exit code", later)
    done = diagnose(folder / "killed")
    require(f"rank 1 ({HOST}, pid {pid}) has no record" in done.stdout, f"the verdict is another: {done}", later)
    require(re.search(rf"^warning: what follows is about start {found['start']} of 20.*; start .* of 20.* came later and "
                      "ended as it should$", done.stderr, re.M), f"the later start is not told: {done.stderr}", later)


def stopped(folder):
    """The others say so while it stands still; woken up in order to be killed, it accuses nobody."""
    run = started(folder, "stopped", {"run.hang_timeout_seconds": LIMIT})
    pid = run.ranks()[0]
    run.signal(signal.SIGSTOP, 0)
    require(run.end() == 1, "the exit code", run)
    require(re.search(rf"^\[rank 1/2 .*\] error:   rank 0 \({HOST}, pid {pid}\) has no record.*; rank 1 waited in",
                      run.text(), re.M), "the watchdog does not name the rank that is missing", run)
    require(not re.search(r"^\[rank 0/2 .*has waited", run.text(), re.M), "the stopped rank accuses the others", run)
    done = json.loads(diagnose(folder / "stopped", "--json").stdout)
    # mpirun wakes it up a second before it kills it; if it gets to run, it says for how long it did not.
    found = diagnosis(folder / "stopped", run, done["cause"], [0])
    require(found["cause"] in ("missing", "paused"), f"{found}", run)
    if found["cause"] == "paused":
        require(found["states"][0]["paused_seconds"] > LIMIT - 1, f"{found}", run)
    check_waiting(found, run, 1)  # woken up, rank 0 may have come to the call


def fails(folder):
    """Rank 1's text has a bad record."""
    bad = folder / "bad.json.gz"
    with gzip.open(bad, "wt", encoding="utf-8") as file:
        file.write("{}\n" * 3)
    run = unlike(folder, "fails", {}, {"data.train": f"[{bad}]", "data.on_bad_record": "fail"})
    require(run.end() == 3, "the exit code", run)
    found = diagnosis(folder / "fails", run, "failed", [1])
    require_words(found, run, f"rank 1 ({HOST}, pid ", "failed at step ", "bad.json.gz:1")


def stuck(folder):
    """Rank 1's disk takes ten minutes to sync a checkpoint, for which the next but one waits."""
    run = unlike(folder, "stuck", {"train.checkpoint_every": 20, "run.hang_timeout_seconds": LIMIT}, slow_fsync=600000)
    require(run.end() == 1, "the exit code", run)
    found = diagnosis(folder / "stuck", run, "elsewhere", [1])
    require_words(found, run, f"rank 1 ({HOST}, pid ", "is in no collective for ", "at step 60: ")
    # Both reach the limit at about the same time. Rank 1 says what it does if it has not been asked before.
    own = "writing a checkpoint has taken" if found["states"][1]["reason"] == "hang" else "it computes, waits for data"
    require_words(found, run, own)
    require(f"error:   rank 1 ({HOST}, pid " in run.text(), "the watchdog does not name the rank", run)
    check_waiting(found, run, 0, [1])
    reasons = {state["reason"] for state in found["states"]}
    require(found["divergence"]["absent"] == [1] and "hang" in reasons and reasons <= {"hang", "asked"}, f"{found}", run)


def test_program(folder, how):
    run = Run([*MPIRUN, "-n", 3, MPI_FAULTS, how, folder / how], folder / f"{how}.out")
    require(run.end() != 0, "the exit code", run)
    return run


def makes_another_call(folder):
    run = test_program(folder, "other_call")
    found = diagnosis(folder / "other_call", run, "other_calls", [1])
    where = found["divergence"]
    require((where["step"], where["layer"], where["group"]) == (3, "decoder/layers/1", "world"), f"{where}", run)
    require([(made["ranks"], made["collective"], made["label"], made["count"]) for made in where["made"]] ==
            [([1], "barrier", "decoder/layers/1 barrier", 0), ([0, 2], "all_reduce_sum", "decoder/layers/3 counts", 4)],
            f"{where}", run)
    require_words(found, run, f"rank 1 ({HOST}, pid ", "at step 3")
    require(f"make different calls from call {where['call']} on: rank 1" in run.text(), "the watchdog does not say so", run)
    # One rank speaks.
    require(len([line for line in run.errors() if "has waited" in line]) == 1, "several ranks complain", run)


def crashes(folder):
    run = test_program(folder, "crash")
    found = diagnosis(folder / "crash", run, "failed", [1])
    require_words(found, run, "crashed at step 3: SIGSEGV")


def fails_on_a_gpu(folder):
    """A failed call is no hang: nobody is waited for, and the rank that it failed on is at fault."""
    run = test_program(folder, "failed_call")
    found = diagnosis(folder / "failed_call", run, "failed", [1])
    require_words(found, run, f"rank 1 ({HOST}, pid ", "failed at step 3: the GPU is gone")
    require([line for line in run.errors() if "the GPU is gone" in line], "the watchdog does not say so", run)


def ends_well(folder):
    """Nothing is left, also of a run that was told to stop, nor does a resumed run forget what happened before it."""
    run = started(folder, "well")
    run.signal(signal.SIGTERM, 1)
    require(run.end() == 75, "the exit code", run)
    require(not (folder / "well" / "flight").exists(), "a run that was stopped leaves records", run)
    done = diagnose(folder / "well")
    require(done.returncode == 3 and "no start of this run has failed or hung" in done.stderr, f"{done}", run)


def slow_rank_is_named(folder):
    """Metrics name the rank whose disk keeps the others waiting: it needs three seconds for a checkpoint, for which
    the next one waits. Those of steps 2 and 3 do before step 4 is logged."""
    run = unlike(folder, "slow", {"train.steps": 4, "train.log_every": 2, "train.checkpoint_every": 1}, slow_fsync=1000)
    require(run.end() == 0, "the exit code", run)
    lines = [json.loads(line) for line in (folder / "slow" / "metrics.jsonl").read_text().splitlines()]
    require([line["step"] for line in lines] == [2, 4], f"{lines}", run)
    last = lines[1]
    require(last["straggler_rank"] == 1 and 0.2 < last["straggler_share"] <= 2 * last["wait_share"] <= 2, f"{last}", run)
    require(re.search(rf"^waiting: .* most of all waited for rank 1 \({HOST}\): the others [\d.]+ % longer than it$",
                      run.text(), re.M), "the end of the run does not name it", run)


with workplace() as folder:
    killed(folder)
    stopped(folder)
    fails(folder)
    stuck(folder)
    makes_another_call(folder)
    crashes(folder)
    fails_on_a_gpu(folder)
    ends_well(folder)
    slow_rank_is_named(folder)
