// What an Exec owns of a GPU: its streams and the handle of the matrix library. Made at first use,
// on the device that use_cuda_device() chose.
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

  cudaStream_t compute = nullptr;  // every op's
  cudaStream_t copies = nullptr;   // the next batch's way to the device, and numbers' way back
  cublasLtHandle_t cublaslt_handle = nullptr;
};

inline CudaContext& cuda(Exec& exec) {
  return exec.state<CudaContext>();
}

}  // namespace sy
