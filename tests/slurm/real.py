#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The batch scripts under a real Slurm of four nodes on this host: real.py PROGRAM [CASE...], all cases if none is
named. Every run ends with the metrics of an undisturbed one, to the last digit."""
import sys

import real_cases
from real_cluster import launch, real_cluster

# In this order: a failed node is missed by what follows it.
CASES = ["node_check", "preflight", "requeue", "early_signal", "other_nodes", "array", "cancel", "preemption",
         "graceful_preemption", "mpirun_requeue", "mpirun_early_signal", "mpirun_cancel", "mpirun_preemption",
         "mpirun_graceful_preemption", "node_failure"]

with real_cluster() as slurm, launch.workplace() as folder:
    cases = real_cases.Cases(slurm, folder)
    for name in sys.argv[2:] or CASES:
        cases.run(name)
