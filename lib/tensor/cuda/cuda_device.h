// The GPU that a rank computes on.
#pragma once

#include <string>

namespace sy {

// Why the CUDA backend cannot be used here ("this program was built without the CUDA backend", "no
// CUDA driver is installed", "no GPU is visible"), or empty where it can.
std::string why_no_cuda_device();

// Chooses this rank's GPU, the node's (local_rank modulo its GPUs)-th, for the process, and returns
// its name and memory for the log. Throws RuntimeFailure where it cannot.
std::string use_cuda_device(int local_rank);

}  // namespace sy
