// SPDX-License-Identifier: Apache-2.0
// The GPU that a rank uses.
#pragma once

#include <string>

namespace sy {

// Why the CUDA backend cannot be used here ("this program was built without the CUDA backend", "no
// CUDA driver is installed", "no GPU is visible"); empty if it can.
std::string why_no_cuda_device();

// Selects this rank's GPU for the process, number local_rank modulo the node's GPU count, and
// returns its name and memory size for the log. Throws RuntimeFailure if that fails.
std::string use_cuda_device(int local_rank);

}  // namespace sy
