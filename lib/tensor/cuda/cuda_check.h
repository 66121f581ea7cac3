// SPDX-License-Identifier: Apache-2.0
// Turns errors of the CUDA runtime into RuntimeFailure. The message says what was being done and
// gives the runtime's own name for the error.
#pragma once

#include <cuda_runtime_api.h>

#include "lib/base/error.h"

namespace sy {

// `what` names the kernel or call, as in "rms_norm: an illegal memory access was encountered
// (cudaErrorIllegalAddress)".
inline void check_cuda(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  throw RuntimeFailure(
      fmt::format("{}: {} ({})", what, cudaGetErrorString(status), cudaGetErrorName(status)));
}

}  // namespace sy
