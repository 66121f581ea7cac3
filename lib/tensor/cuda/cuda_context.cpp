// SPDX-License-Identifier: Apache-2.0
#include "lib/tensor/cuda/cuda_context.h"

#include "lib/tensor/cuda/cublaslt.h"
#include "lib/tensor/cuda/cuda_check.h"
#include "lib/tensor/cuda/cuda_device.h"
#include "lib/tensor/transfer.h"

namespace sy {

CudaContext::CudaContext() {
  check_cuda(cudaStreamCreateWithFlags(&compute, cudaStreamNonBlocking), "creating a stream");
  check_cuda(cudaStreamCreateWithFlags(&copies, cudaStreamNonBlocking), "creating a stream");
  if (cublaslt().Create(&cublaslt_handle) != CUBLAS_STATUS_SUCCESS) {
    throw RuntimeFailure(
        "cuBLASLt cannot be initialised: check that its version matches the GPU driver");
  }
}

CudaContext::~CudaContext() {
  // Errors are ignored here: they follow one that has been reported.
  if (cublaslt_handle != nullptr) cublaslt().Destroy(cublaslt_handle);
  if (copies != nullptr) cudaStreamDestroy(copies);
  if (compute != nullptr) cudaStreamDestroy(compute);
}

void copy_in_cuda(Exec& exec, void* to, const void* from, int64_t bytes) {
  const cudaStream_t stream = cuda(exec).compute;
  check_cuda(cudaMemcpyAsync(to, from, static_cast<size_t>(bytes), cudaMemcpyDefault, stream),
             "copying");
  check_cuda(cudaStreamSynchronize(stream), "copying");
}

void synchronize_cuda(Exec& exec) {
  check_cuda(cudaStreamSynchronize(cuda(exec).compute), "waiting for the GPU");
}

std::string why_no_cuda_device() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess) return count > 0 ? "" : "no GPU is visible";
  cudaGetLastError();
  if (status == cudaErrorInsufficientDriver) return "no CUDA driver is installed, or it is too old";
  return status == cudaErrorNoDevice ? "no GPU is visible" : cudaGetErrorString(status);
}

std::string use_cuda_device(int local_rank) {
  int count = 0;
  check_cuda(cudaGetDeviceCount(&count), "counting GPUs");
  const int device = local_rank % count;
  check_cuda(cudaSetDevice(device), "selecting a GPU");
  cudaDeviceProp properties;
  check_cuda(cudaGetDeviceProperties(&properties, device), "querying a GPU's properties");
  return fmt::format("{}, {:.0f} GiB", properties.name,
                     static_cast<double>(properties.totalGlobalMem) / (1 << 30));
}

}  // namespace sy
