#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The #SBATCH lines as sbatch reads them: they end at the first line that is not a comment, and their names are
options that sbatch knows."""
import re

from cluster import ROOT, require

# The options from sbatch's manual that these scripts may use.
KNOWN = {"job-name", "nodes", "ntasks-per-node", "cpus-per-task", "time", "output", "open-mode", "requeue",
         "no-requeue", "signal"}
EVERY = {"job-name", "nodes", "ntasks-per-node", "cpus-per-task", "time", "output"}
LEAST_SECONDS = 120  # enough for a step, a checkpoint and the delay of Slurm's daemons


def directives(script):
    lines = (ROOT / "slurm" / script).read_text().splitlines()
    require(lines[0] == "#!/usr/bin/env bash", f"{script}: the first line must name a shell")
    head = next(i for i, line in enumerate(lines) if line and not line.startswith("#"))
    require(not any(line.startswith("#SBATCH") for line in lines[head:]),
            f"{script}: an #SBATCH line follows the first command, where sbatch ignores it")
    found = {}
    for line in lines[:head]:
        if not line.startswith("#SBATCH"):
            continue
        match = re.fullmatch(r"#SBATCH --([a-z-]+)(?:=(\S+))?", line)
        require(match and match[1] in KNOWN, f"{script}: sbatch does not know '{line}'")
        require(match[1] not in found, f"{script}: {match[1]} is given twice")
        found[match[1]] = match[2]
    require(EVERY <= found.keys(), f"{script}: {EVERY - found.keys()} are missing")
    return found


def seconds(time):
    hours, minutes, rest = (int(part) for part in time.split(":"))
    return hours * 3600 + minutes * 60 + rest


for script in ("pretrain.sbatch", "resume.sbatch"):
    given = directives(script)
    # With B: the signal goes to the batch script, which forwards it; otherwise the script would not get it.
    signal = re.fullmatch(r"B:USR1@(\d+)", given.get("signal", ""))
    require(signal, f"{script}: --signal={given.get('signal')}")
    require(LEAST_SECONDS <= int(signal[1]) < seconds(given["time"]) / 2,
            f"{script}: signalled {signal[1]} s before the limit")
    require("requeue" in given and "no-requeue" not in given, f"{script}: Slurm would not requeue it")
    require(given.get("open-mode") == "append", f"{script}: each start would overwrite the log")
    require("%j" in given["output"], f"{script}: two jobs would share a log")
require(directives("pretrain.sbatch") == directives("resume.sbatch"), "the two scripts' settings differ")

given = directives("preflight.sbatch")
require("no-requeue" in given and "requeue" not in given and "signal" not in given, "a preflight must not be requeued")
require(seconds(given["time"]) <= 3600, "a preflight must be short")
