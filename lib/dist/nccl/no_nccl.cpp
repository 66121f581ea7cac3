// SPDX-License-Identifier: Apache-2.0
// Stands in for NCCL in a build without the CUDA backend.
#include "lib/dist/nccl/nccl_communicator.h"

namespace sy {

std::unique_ptr<Communicator> make_nccl_communicator(Communicator&, Exec&) {
  throw ConfigError(
      "backend: cuda: this program was built without the CUDA backend; use backend: cpu or auto");
}

}  // namespace sy
