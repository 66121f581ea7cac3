// SPDX-License-Identifier: Apache-2.0
// Communicators for tensors of the backend under test.
#pragma once

#include "lib/dist/mesh.h"
#include "lib/dist/nccl/nccl_communicator.h"
#include "lib/tensor/exec.h"

namespace sy::test {

// Empty on the CPU, where the communicators for host memory are used as they are. `exec` must
// outlive the communicators; the host may read their results after synchronize().
inline GroupMaker group_maker(Exec& exec) {
  if (exec.backend == Backend::cpu) return {};
  return [&exec](Communicator& group) { return make_nccl_communicator(group, exec); };
}

}  // namespace sy::test
