// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tests/hostcuda/device/report.h"
#include "tests/hostcuda/runtime/runtime.h"

using namespace sy::hostcuda;

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  const Lock lock(runtime_mutex());
  check_caller("cudaStreamCreate");
  if (stream == nullptr || flags > cudaStreamNonBlocking) return failed(cudaErrorInvalidValue);
  streams().push_back(std::make_unique<CUstream_st>());
  *stream = streams().back().get();
  (*stream)->flags = flags;
  return cudaSuccess;
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return cudaStreamCreateWithFlags(stream, cudaStreamDefault);
}
cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int) {
  return cudaStreamCreateWithFlags(stream, flags);
}
cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  if (least != nullptr) *least = 0;
  if (greatest != nullptr) *greatest = -5;
  return cudaSuccess;
}

// Queued work still runs once something waits for it.
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const Lock lock(runtime_mutex());
  checked(stream, "cudaStreamDestroy").destroyed = true;
  forget_streams();
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  const Lock lock(runtime_mutex());
  run_until_empty(checked(stream, "cudaStreamSynchronize"));
  forget_streams();
  return cudaSuccess;
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
  const Lock lock(runtime_mutex());
  CUstream_st& asked = checked(stream, "cudaStreamQuery");
  run_a_little(asked);
  return asked.entries.empty() ? cudaSuccess : failed(cudaErrorNotReady);
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* data) {
  const Lock lock(runtime_mutex());
  checked(stream, "cudaLaunchHostFunc");
  if (function == nullptr) return failed(cudaErrorInvalidValue);
  queue_host(stream, "cudaLaunchHostFunc", [=] {
    close_device_memory();  // host code must not touch it
    function(data);
  });
  return cudaSuccess;
}
