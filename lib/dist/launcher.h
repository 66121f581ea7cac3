// SPDX-License-Identifier: Apache-2.0
// What the process can learn of the program that launched it, from its environment and /proc. The
// launchers known are Open MPI's mpirun, Slurm's srun, and those that speak PMI (MPICH, Intel MPI).
#pragma once

#include <sys/types.h>

#include <string>

namespace sy {

// Whether Open MPI's mpirun bound this process to cores without having been asked to
// (--bind-to, --map-by ...:PE=n, --cpu-set).
bool bound_by_default();

// The nearest ancestor that is mpirun or its daemon on this node; -1 if there is none.
pid_t launcher_process();

// Kills mpirun, or its daemon on this node, unless it ends within 5 seconds and the two waits that
// odls_base_sigkill_timeout sets: longer than it needs to end a job. Returns at once and outlives
// this process. For a job that is being aborted: mpirun waits for the daemons of all hosts, and of
// a host that no longer answers the kernel tells it only after a quarter of an hour. A daemon that
// serves several jobs (prted) is spared.
void kill_launcher_if_it_stays();

// The rank that the launcher gave this process, 0 without a launcher; and how many it started, 1
// without one.
int launched_rank();
int launched_ranks();

// What is wrong, and what to pass, if the launcher started several processes but MPI says that this
// one is alone: each would then train by itself. "" if all is well.
std::string why_not_alone(int world_size);

}  // namespace sy
