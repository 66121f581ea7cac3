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

// An ancestor of this process, and the child of it that leads here, which may be this process.
struct Ancestor {
  pid_t id = -1;  // -1: there is none
  pid_t child = -1;
};

// mpirun or its daemon on this node, if it serves this job alone and this process is one of its
// ranks.
Ancestor launcher_of_job();

// The rank that the launcher gave this process, 0 without a launcher; and how many it started, 1
// without one.
int launched_rank();
int launched_ranks();

// What is wrong, and what to pass, if the launcher started several processes but MPI says that this
// one is alone: each would then train by itself. "" if all is well.
std::string why_not_alone(int world_size);

}  // namespace sy
