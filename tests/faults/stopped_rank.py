#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stopped rank (SIGSTOP) leaves the others waiting in a collective: the watchdog names the collective and ends the
run soon after run.hang_timeout_seconds, and committed checkpoints stay intact."""
import re
import signal
import time

from launch import HOSTED, checkpoints, pretrain, require, verify, workplace

LIMIT = 3 if HOSTED else 2
SECONDS = LIMIT + 15
LAST = 20000  # more steps than the run will ever take
GIVEN = {"train.steps": LAST, "train.eval_every": 0, "train.checkpoint_every": 2 if HOSTED else 10,
         "run.hang_timeout_seconds": LIMIT}

with workplace() as folder:
    for stopped in (1,) if HOSTED else (0, 1):
        name = f"stopped-{stopped}"
        run = pretrain(folder, 2, name, GIVEN)
        require(run.wait_for(f"step {5 if HOSTED else 20}/{LAST} "), "the run ended by itself", run)
        begun = time.monotonic()
        run.signal(signal.SIGSTOP, stopped)
        code = run.end(SECONDS)
        seconds = time.monotonic() - begun
        require(code == 1, f"the exit code is {code}", run)
        # The stopped rank is woken up in order to be killed, and may print the same message.
        said = re.findall(rf'^\[rank {1 - stopped}/2 .*\] error: (\w+) "([^"]+)" \(call \d+ of group (\w+)\) '
                          r"has waited (\d+) s: .*run\.hang_timeout_seconds", run.text(), re.M)
        require(len(said) == 1, "the waiting rank does not name the collective exactly once", run)
        call, label, group, waited = said[0]
        require(LIMIT <= int(waited) <= seconds,
                f"it reports a wait of {waited} s, but {seconds:.1f} s have passed", run)
        kept = checkpoints(folder, name)
        require(len(kept) > 0, "no checkpoint was committed", run)
        verify(kept[max(kept)])
        print(f"rank {stopped} stopped: after {seconds:.1f} s the message names {call} \"{label}\" of {group}")
