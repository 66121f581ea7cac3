// SPDX-License-Identifier: Apache-2.0
#include "lib/tensor/cuda/cuda_context.h"

#include <cstring>
#include <map>
#include <mutex>

#include "lib/tensor/cuda/cublaslt.h"
#include "lib/tensor/cuda/cuda_check.h"
#include "lib/tensor/cuda/cuda_device.h"
#include "lib/tensor/transfer.h"

namespace sy {
namespace {

// One for each GPU that this process uses, made at first use. It takes a tenth of a second and
// memory on the GPU, and any number of threads may use it. Never destroyed: the CUDA runtime may
// end before static objects do.
cublasLtHandle_t process_handle() {
  static std::mutex mutex;
  static auto* handles = new std::map<int, cublasLtHandle_t>;
  int device = 0;
  check_cuda(cudaGetDevice(&device), "asking which GPU is in use");
  const std::lock_guard lock(mutex);
  cublasLtHandle_t& handle = (*handles)[device];
  if (handle == nullptr && cublaslt().Create(&handle) != CUBLAS_STATUS_SUCCESS) {
    handle = nullptr;
    throw RuntimeFailure(
        "cuBLASLt cannot be initialised: check that its version matches the GPU driver");
  }
  return handle;
}

}  // namespace

CudaContext::CudaContext() {
  check_cuda(cudaStreamCreateWithFlags(&compute, cudaStreamNonBlocking), "creating a stream");
  check_cuda(cudaStreamCreateWithFlags(&copies, cudaStreamNonBlocking), "creating a stream");
  cublaslt_handle = process_handle();
}

CudaContext::~CudaContext() {
  // Errors are ignored here: they follow one that has been reported.
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

namespace {

cudaDeviceProp selected_properties() {
  int device = 0;
  check_cuda(cudaGetDevice(&device), "asking which GPU is in use");
  cudaDeviceProp properties;
  check_cuda(cudaGetDeviceProperties(&properties, device), "querying a GPU's properties");
  return properties;
}

}  // namespace

std::string use_cuda_device(int local_rank) {
  int count = 0;
  check_cuda(cudaGetDeviceCount(&count), "counting GPUs");
  const int device = local_rank % count;
  check_cuda(cudaSetDevice(device), "selecting a GPU");
  const cudaDeviceProp properties = selected_properties();
  return fmt::format("{}, {:.0f} GiB", properties.name,
                     static_cast<double>(properties.totalGlobalMem) / (1 << 30));
}

std::string cuda_device_name() {
  return selected_properties().name;
}

CudaDeviceId cuda_device_id() {
  CudaDeviceId id;
  check_cuda(cudaGetDeviceCount(&id.visible), "counting GPUs");
  const cudaDeviceProp properties = selected_properties();
  static_assert(sizeof(id.uuid) == sizeof(properties.uuid));
  std::memcpy(id.uuid.data(), &properties.uuid, sizeof(id.uuid));
  return id;
}

}  // namespace sy
