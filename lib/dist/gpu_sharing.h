// SPDX-License-Identifier: Apache-2.0
// NCCL takes one rank a GPU, and says so only in words of its own.
#pragma once

#include <string>

#include "lib/dist/communicator.h"

namespace sy {

// Says in one clause which ranks would share a GPU and what to do; empty if each rank has one of
// its own. The same on every rank. Each has selected its GPU (cuda_device.h); `local_ranks` is the
// number of ranks on this node. GPUs are told apart by their identity, since a launcher may show
// each rank another one as number 0. Collective over `world`, which communicates host memory.
std::string gpu_sharing(Communicator& world, int local_ranks);

}  // namespace sy
