// SPDX-License-Identifier: Apache-2.0
// The GPU resources of an Exec: its streams, and cuBLASLt's handle, which all Execs of the process
// share. Created at first use, on the device that use_cuda_device() selected.
#pragma once

#include <cublasLt.h>
#include <cuda_runtime_api.h>

#include "lib/tensor/exec.h"

namespace sy {

struct CudaContext {
  CudaContext();
  ~CudaContext();
  CudaContext(const CudaContext&) = delete;
  CudaContext& operator=(const CudaContext&) = delete;

  cudaStream_t compute = nullptr;  // runs every op
  // Copies the next batch to the device, and numbers back to the host.
  cudaStream_t copies = nullptr;
  cublasLtHandle_t cublaslt_handle = nullptr;
};

inline CudaContext& cuda(Exec& exec) {
  return exec.state<CudaContext>();
}

}  // namespace sy
