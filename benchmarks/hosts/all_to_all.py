#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""all_to_all.py HOSTS RANKS_PER_HOST DELAY_MS [BYTES...]: an all-to-all between hosts that are network namespaces, direct
and by way of the ranks' counterparts on other hosts (all_to_all.cpp), with frames delayed by so many milliseconds; 0 adds
nothing to the delay of a bridge. Options of mpirun go into the environment, such as OMPI_MCA_btl_tcp_eager_limit."""
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "tests" / "hosts"))
from hosts import Hosts

ROUNDS = 30
count, each, delay = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
sizes = sys.argv[4:] or ["64", "1000", "4000", "16000", "60000", "250000"]
network = Hosts(count)
program = network.folder / "all_to_all"
subprocess.run(["mpicxx", "-std=c++20", "-O2", "-DOMPI_SKIP_MPICXX", HERE / "all_to_all.cpp", "-o", program], check=True)
if delay > 0:
    network.slow_down(delay, 0)
    subprocess.run(["chrt", "--fifo", "--pid", "20", str(network.forwarder.pid)], check=False)
command = ["mpirun", "--oversubscribe", "--bind-to", "none", "--mca", "mpi_yield_when_idle", 1, "--mca",
           "btl_vader_single_copy_mechanism", "none", *network.mpi(each), "-n", count * each, program, each, ROUNDS, *sizes]
root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
sys.exit(subprocess.run([str(word) for word in command], env={**os.environ, **root}, check=False,
                        stdin=subprocess.DEVNULL).returncode)
