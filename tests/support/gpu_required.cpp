// SPDX-License-Identifier: Apache-2.0
// Part of the test programs that run on a GPU (NAME_gpu). Before anything else, each rank selects
// its GPU. If there is none for it, the program exits with 77, which ctest shows as skipped.
#include <cuda_runtime_api.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "lib/tensor/cuda/cuda_device.h"
#include "tests/support/backend.h"

namespace sy::test {
namespace {

// Taken from mpirun's environment, since MPI is initialised later.
int from_mpirun(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoi(text);
}

std::string why_no_gpu_for_each(int ranks) {
  if (const std::string reason = why_no_cuda_device(); !reason.empty()) return reason;
  int gpus = 0;
  cudaGetDeviceCount(&gpus);
  if (gpus >= ranks) return "";
  return std::to_string(ranks) + " ranks need as many GPUs, and " + std::to_string(gpus) +
         " are visible (NCCL refuses to share one)";
}

const bool taken = [] {
  setenv("SWITCHYARD_TEST_BACKEND", "cuda", 0);
  if (test_backend() != Backend::cuda) return false;
  const int rank = from_mpirun("OMPI_COMM_WORLD_LOCAL_RANK", 0);
  const std::string reason = why_no_gpu_for_each(from_mpirun("OMPI_COMM_WORLD_LOCAL_SIZE", 1));
  if (!reason.empty()) {
    if (rank == 0) std::fprintf(stderr, "skipped: %s\n", reason.c_str());
    std::_Exit(77);
  }
  use_cuda_device(rank);
  return true;
}();

}  // namespace
}  // namespace sy::test
