// SPDX-License-Identifier: Apache-2.0
// Collectives between GPUs over NCCL, with the interface of communicator.h, on tensors in the
// exec's memory. Calls are queued on a separate stream, behind all work queued so far on the exec's
// compute stream. Waiting for a request makes the compute stream wait, never the host. MPI
// bootstraps NCCL.
#pragma once

#include <memory>

#include "lib/dist/communicator.h"
#include "lib/tensor/exec.h"

namespace sy {

// Makes a NCCL communicator of the ranks of `group`, which bootstraps it through host memory.
// `group` and `exec` must outlive it. Collective over the group. Throws ConfigError in a build
// without CUDA.
std::unique_ptr<Communicator> make_nccl_communicator(Communicator& group, Exec& exec);

}  // namespace sy
