// SPDX-License-Identifier: Apache-2.0
// The GPU that a rank uses.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace sy {

// Why the CUDA backend cannot be used here ("this program was built without the CUDA backend", "no
// CUDA driver is installed", "no GPU is visible"); empty if it can.
std::string why_no_cuda_device();

// Selects this rank's GPU for the process, number local_rank modulo the number of GPUs that this
// process sees, which is 1 where a launcher shows each rank its own. Returns its name and memory
// size for the log. Throws RuntimeFailure if that fails. That no two ranks share a GPU is checked
// apart (gpu_sharing.h).
std::string use_cuda_device(int local_rank);

// Of the selected GPU, "NVIDIA H200".
std::string cuda_device_name();

// Which physical GPU is selected, and how many this process sees.
struct CudaDeviceId {
  std::array<int32_t, 4> uuid{};
  int32_t visible = 0;
};
CudaDeviceId cuda_device_id();

}  // namespace sy
