// Collectives between GPUs by NCCL, behind the interface of communicator.h. Tensors lie in the
// exec's memory. Calls are queued on a stream of their own, after what the exec's compute stream
// was given before; waiting for a request makes the compute stream wait, never the host. MPI starts
// it.
#pragma once

#include <memory>

#include "lib/dist/communicator.h"
#include "lib/tensor/exec.h"

namespace sy {

// The ranks of `group`, through whose host memory the communicator is started and which must
// outlive it, as must `exec`. Collective over the group. Throws ConfigError in a program without
// CUDA.
std::unique_ptr<Communicator> make_nccl_communicator(Communicator& group, Exec& exec);

}  // namespace sy
