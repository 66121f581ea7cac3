#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stands in for srun, mpirun, scontrol, hostname, sleep and the program, depending on the name under which it is called.
It appends a line to $CLUSTER/calls for each call, with its name, its arguments and parts of its environment."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

CLUSTER = pathlib.Path(os.environ["CLUSTER"])


def note(name, **facts):
    with open(CLUSTER / "calls", "a", encoding="utf-8") as calls:
        calls.write(json.dumps({"name": name, **facts}) + "\n")


def examine(output):
    """What `doctor node` writes, of a node that is like every other; but $BROKEN_NODE says nothing, $SLOW_NODE is slow."""
    node = os.environ["NODE"]
    if node == os.environ.get("BROKEN_NODE"):
        sys.exit(5)
    facts = json.loads((pathlib.Path(__file__).parent / "node.json").read_text())
    facts |= {"node": node, "started": time.time()}
    if node == os.environ.get("SLOW_NODE"):
        facts["float32_flops"] /= 2
    pathlib.Path(output, f"{node}.json").write_text(json.dumps(facts))
    sys.exit(0)


def program(words):
    """Follows $TASK: `exit CODE` exits at once; `signal CODE [SECONDS]` waits for USR1 or TERM, then SECONDS, then exits."""
    if words[0] == "config" or words[:2] == ["doctor", "compare"]:
        sys.exit(subprocess.run([os.environ["REAL"], *words], check=False).returncode)
    if words[:2] == ["doctor", "node"]:
        examine(words[words.index("--output") + 1])
    way, code, *seconds = os.environ["TASK"].split()
    received = []
    signal.signal(signal.SIGUSR1, lambda number, _: received.append(number))
    signal.signal(signal.SIGTERM, lambda number, _: received.append(number))
    for word in words:
        if word.startswith("run.name=preflight-"):
            os.makedirs("runs/" + word.partition("=")[2], exist_ok=True)
    note("program", words=words, threads=os.environ.get("OMP_NUM_THREADS"), folder=os.getcwd())
    limit = time.monotonic() + 20
    while way == "signal" and not received:
        if time.monotonic() > limit:
            sys.exit(97)
        time.sleep(0.01)
    time.sleep(float(seconds[0]) if seconds else 0)
    note("program ends")
    sys.exit(int(code))


def srun(words):
    """Exits at once on TERM and USR1, as srun may. Takes $STARTING seconds to start its task."""
    options = [word for word in words[:next(i for i, w in enumerate(words) if not w.startswith("--"))]]
    note("srun", options=options)
    command = words[len(options):]
    time.sleep(float(os.environ.get("STARTING", 0)))
    if "--ntasks-per-node=1" not in options:
        launcher = os.environ.get("LAUNCHER", "").split()
        with subprocess.Popen([*launcher, *command]) as task:
            (CLUSTER / "task").write_text(str(task.pid))
            signal.signal(signal.SIGTERM, lambda *_: (task.kill(), sys.exit(143)))
            sys.exit(task.wait())
    ntasks = next(int(word.partition("=")[2]) for word in options if word.startswith("--ntasks="))
    for node in range(ntasks):
        alone = node == int(os.environ.get("LONE_NODE", -1))
        if alone:  # this node does not share the file system
            os.makedirs(CLUSTER / "lone/runs", exist_ok=True)
            for trial in pathlib.Path("runs").iterdir():
                os.makedirs(CLUSTER / "lone/runs" / trial.name, exist_ok=True)
        done = subprocess.run(command, env={**os.environ, "NODE": f"node{node}"}, check=False,
                              cwd=CLUSTER / "lone" if alone else None)
        if done.returncode != 0:
            sys.exit(done.returncode)


def mpirun(words):
    """Takes $STARTING seconds to start its one rank, and until then ends itself on USR1, as mpirun does."""
    note("mpirun", words=words)
    signal.signal(signal.SIGUSR1, lambda *_: sys.exit(244))
    time.sleep(float(os.environ.get("STARTING", 0)))
    with subprocess.Popen(words[words.index("bash"):], env={**os.environ, "OMPI_COMM_WORLD_RANK": "0"}) as task:
        signal.signal(signal.SIGUSR1, lambda number, _: task.send_signal(number))
        sys.exit(task.wait())


def cancel(words):
    """Signals the tasks of the step, if there is one."""
    note("scancel", words=words)
    number = next(word.partition("=")[2] for word in words if word.startswith("--signal="))
    task = CLUSTER / "task"
    if words[-1] != os.environ["SLURM_JOB_ID"] or not task.exists():
        sys.exit(1)
    os.kill(int(task.read_text()), signal.Signals["SIG" + number])


name = pathlib.Path(sys.argv[0]).name
if name == "srun":
    srun(sys.argv[1:])
elif name == "scontrol":
    if sys.argv[1] == "show":
        print({"hostnames": "node0\nnode1", "job": f" PreemptTime={os.environ.get('PREEMPTED', 'None')}"}[sys.argv[2]])
        sys.exit(0)
    note("scontrol", words=sys.argv[1:])
    sys.exit(int(os.environ.get("SCONTROL_CODE", 0)))
elif name == "hostname":
    print(os.environ.get("NODE", "login"))
elif name == "scancel":
    cancel(sys.argv[1:])
elif name == "sleep":
    time.sleep(0.1)
elif name == "mpirun":
    mpirun(sys.argv[1:])
elif name in ("sbatch", "squeue"):
    note(name, words=sys.argv[1:])
else:
    program(sys.argv[1:])
