// SPDX-License-Identifier: Apache-2.0
// Memory allocated through the CUDA runtime.
#include <cuda_runtime_api.h>

#include <cstring>

#include "lib/base/error.h"
#include "lib/tensor/cuda/cuda_check.h"
#include "lib/tensor/memory.h"

namespace sy {

namespace {

// Host code clears what it can reach; only the GPU's own memory needs the GPU for that.
void clear(MemoryKind kind, void* data, size_t size) {
  if (kind != MemoryKind::device) {
    std::memset(data, 0, size);
    return;
  }
  check_cuda(cudaMemset(data, 0, size), "clearing memory");
  check_cuda(cudaDeviceSynchronize(), "clearing memory");
}

}  // namespace

void* allocate_cuda_memory(MemoryKind kind, int64_t bytes) {
  const auto size = static_cast<size_t>(bytes);
  void* data = nullptr;
  cudaError_t status = cudaSuccess;
  switch (kind) {
    case MemoryKind::pinned:
      status = cudaMallocHost(&data, size);
      break;
    case MemoryKind::shared:
      status = cudaHostAlloc(&data, size, cudaHostAllocMapped | cudaHostAllocPortable);
      break;
    default:
      status = cudaMalloc(&data, size);
  }
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // the caller reports the failure; the next launch must not report it again
    return nullptr;
  }
  check_cuda(status, "allocating memory");
  clear(kind, data, size);
  return data;
}

void free_cuda_memory(MemoryKind kind, void* data) {
  // Errors are ignored here: they follow one that has been reported.
  if (kind != MemoryKind::device) {
    cudaFreeHost(data);
  } else {
    cudaFree(data);
  }
}

}  // namespace sy
