// Errors of the CUDA runtime, cuBLASLt and NCCL as RuntimeFailure: what was done, and the library's
// own name for what went wrong.
#pragma once

#include <cuda_runtime_api.h>

#include "lib/base/error.h"

namespace sy {

// `what` names the kernel or call: "rms_norm: an illegal memory access was encountered
// (cudaErrorIllegalAddress)".
inline void check_cuda(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  throw RuntimeFailure(
      fmt::format("{}: {} ({})", what, cudaGetErrorString(status), cudaGetErrorName(status)));
}

}  // namespace sy
