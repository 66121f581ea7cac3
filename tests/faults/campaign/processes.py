# SPDX-License-Identifier: Apache-2.0
"""Faults of processes: killed, stopped, told to stop, and mpirun among them."""
import os
import signal
import time

from kinds import kind
from trial import GRACE, KILL, STOP, require


def killed(trial, fault):
    trial.start(fault)
    code = trial.end()
    require(trial.missed or code not in (0, 75), f"with a rank killed the exit code is {code}")


@kind("kill: before main", early=True)
def kill_before_main(trial):
    killed(trial, trial.draw("load", KILL))


@kind("kill: start of MPI")
def kill_at_start(trial):
    fault = trial.draw("start", KILL)
    fault.count = trial.draws.choice((1, 2))
    killed(trial, fault)


@kind("kill: forward and backward", early=True)
def kill_computing(trial):
    killed(trial, trial.draw("collective", KILL, delay=trial.draws.randint(1, 2000)))


@kind("kill: collective", early=True)
def kill_in_collective(trial):
    killed(trial, trial.draw("collective", KILL))


@kind("kill: save", early=True)
def kill_in_save(trial):
    killed(trial, trial.draw("save", KILL))


@kind("kill: commit", early=True)
def kill_in_commit(trial):
    killed(trial, trial.draw("commit", KILL, rank=0))


@kind("kill: other files")
def kill_in_records(trial):
    """While the lock is taken, the configuration written, or the metrics shortened for a resume."""
    killed(trial, trial.draw("record", KILL, rank=0))
    fault = trial.draw("record", KILL, rank=0)
    fault.count = trial.draws.randint(1, 12)
    killed(trial, fault)


@kind("kill: three times")
def kill_again(trial):
    """Each start begins where the one before was killed, and is killed in turn."""
    for _ in range(3):
        at = trial.draws.choice(("collective", "save", "commit", "record"))
        fault = trial.draw(at, KILL, delay=trial.draws.choice((0, 0, 500)))
        fault.count = max(1, fault.count // 3)
        killed(trial, fault)


@kind("kill: end of MPI")
def kill_at_end(trial):
    fault = trial.draw("finish", KILL)
    fault.count = trial.draws.choice((1, 2))
    killed(trial, fault)


@kind("kill: mpirun", early=True)
def kill_mpirun(trial):
    trial.start(trial.draw(trial.draws.choice(("start", "collective", "save")), f"signal {int(signal.SIGKILL)} launcher"))
    code = trial.end()
    require(trial.missed or code == -signal.SIGKILL, f"the exit code of a killed mpirun is {code}")


@kind("stop: rank, for good", least_ranks=2, early=True)
def stop_for_good(trial):
    """The others end by the watchdog, whose message names what they wait in."""
    trial.start(trial.draw(trial.draws.choice(("start", "collective", "save", "finish")), STOP))
    code = trial.end()
    require(trial.missed or code == 1, f"with a rank stopped the exit code is {code}")
    if not trial.missed:
        trial.require_message("run.hang_timeout_seconds")


def continued(trial, fault, whom):
    """Stopped and continued before the time-out, a run goes on as if nothing had happened."""
    trial.start(fault)
    pid = trial.wait_for_fault()
    time.sleep(trial.draws.uniform(0.1, trial.hang / 3))
    if pid is not None:
        os.kill(whom(pid), signal.SIGCONT)
    require(trial.end(ends=False) == 0, "a run that was stopped for a moment fails")
    trial.require_equal()


@kind("stop: rank, continued", resumes=False, early=True)
def stop_rank(trial):
    continued(trial, trial.draw(trial.draws.choice(("start", "collective", "save")), STOP), lambda pid: pid)


@kind("stop: mpirun, continued", resumes=False)
def stop_mpirun(trial):
    fault = trial.draw(trial.draws.choice(("start", "collective", "save")), f"signal {int(signal.SIGSTOP)} launcher")
    continued(trial, fault, lambda _: trial.run.process.pid)


@kind("stop: mpirun, and a rank killed", least_ranks=2, early=True)
def stop_mpirun_kill_rank(trial):
    """mpirun answers no more, so nobody but the watchdog ends the other ranks."""
    trial.start(trial.draw("collective", "pause"))
    pid = trial.wait_for_fault()
    if pid is None:
        return require(trial.end() == 0, "an undisturbed run fails")
    mpirun = trial.run.process.pid
    os.kill(mpirun, signal.SIGSTOP)
    os.kill(pid, signal.SIGKILL)
    begun = time.monotonic()
    while (left := set(trial.alive()) - {mpirun}) and time.monotonic() - begun < trial.hang + GRACE:
        time.sleep(0.01)
    ended = time.monotonic()
    os.kill(mpirun, signal.SIGCONT)  # unless it has been killed by then
    code = trial.end(since=ended)
    trial.seconds = ended - begun
    require(not left, f"{len(left)} processes outlive the time-out while mpirun is stopped")
    return require(code != 0, "with a rank killed the exit code is 0")


STOPS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT, signal.SIGHUP)


def require_stopped(trial, code):
    """75 and a checkpoint, unless the signal came after the last step."""
    said = "the checkpoint is committed" in trial.run.text()
    require(code == (75 if said else 0), f"the exit code is {code}, and the checkpoint is {'' if said else 'not '}committed")
    require(not trial.run.errors(), f"a run that was told to stop reports {trial.run.errors()}")


def told(trial, whom, rank=None, numbers=STOPS):
    at = trial.draws.choice(("collective", "save", "commit", "finish"))
    fault = trial.draw(at, f"signal {int(trial.draws.choice(numbers))} {whom}", rank)
    trial.start(fault)
    require_stopped(trial, trial.end())


@kind("told to stop: a rank", early=True)
def tell_rank(trial):
    told(trial, "self")


@kind("told to stop: all ranks")
def tell_all(trial):
    told(trial, "self", rank="all")


@kind("told to stop: SIGUSR1 to mpirun", early=True)
def tell_mpirun(trial):
    told(trial, "launcher", numbers=(signal.SIGUSR1,))


@kind("told to stop: start of MPI")
def tell_at_start(trial):
    fault = trial.draw("start", f"signal {int(trial.draws.choice(STOPS))} self")
    fault.count = trial.draws.choice((1, 2))
    trial.start(fault)
    require(trial.end() == 75, "a run that is told to stop at its start does not exit with 75")


@kind("told to stop: SIGTERM or SIGINT to mpirun")
def terminate_mpirun(trial):
    """mpirun kills the ranks soon after, with or without a checkpoint."""
    number = int(trial.draws.choice((signal.SIGTERM, signal.SIGINT)))
    trial.start(trial.draw(trial.draws.choice(("start", "collective", "save")), f"signal {number} launcher"))
    trial.end()
