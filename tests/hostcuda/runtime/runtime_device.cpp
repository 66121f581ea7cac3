// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "tests/hostcuda/device/shared_memory.h"
#include "tests/hostcuda/runtime/runtime.h"

using namespace sy::hostcuda;

namespace {

constexpr int kVersion = CUDART_VERSION;
constexpr int kSharedOptIn = 227 << 10;  // as on sm_90
constexpr int kProcessors = 4, kThreadsOfProcessor = 2048, kRegisters = 65536;

}  // namespace

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  return device == 0 ? cudaSuccess : failed(cudaErrorInvalidDevice);
}
cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) {
  *version = kVersion;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = kVersion;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device != 0) return failed(cudaErrorInvalidDevice);
  *properties = {};
  cudaDeviceProp& p = *properties;
  std::strcpy(p.name, "host execution");
  p.major = 9;
  p.totalGlobalMem = kTotalBytes;
  p.sharedMemPerBlock = kSharedBytes;
  p.sharedMemPerBlockOptin = p.sharedMemPerMultiprocessor = kSharedOptIn;
  p.regsPerBlock = p.regsPerMultiprocessor = kRegisters;
  p.warpSize = 32;
  p.maxThreadsPerBlock = p.maxThreadsDim[0] = p.maxThreadsDim[1] = 1024;
  p.maxThreadsDim[2] = 64;
  p.maxGridSize[0] = 0x7fffffff;
  p.maxGridSize[1] = p.maxGridSize[2] = 65535;
  p.multiProcessorCount = kProcessors;
  p.maxThreadsPerMultiProcessor = kThreadsOfProcessor;
  p.concurrentKernels = p.asyncEngineCount = p.unifiedAddressing = p.managedMemory = 1;
  p.streamPrioritiesSupported = p.concurrentManagedAccess = p.canMapHostMemory = 1;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  cudaDeviceProp p;
  if (cudaGetDeviceProperties(&p, device) != cudaSuccess) return cudaErrorInvalidDevice;
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock:
    case cudaDevAttrMaxBlockDimX:
    case cudaDevAttrMaxBlockDimY:
      *value = p.maxThreadsPerBlock;
      break;
    case cudaDevAttrMaxBlockDimZ:
      *value = p.maxThreadsDim[2];
      break;
    case cudaDevAttrMaxGridDimX:
      *value = p.maxGridSize[0];
      break;
    case cudaDevAttrMaxGridDimY:
    case cudaDevAttrMaxGridDimZ:
      *value = p.maxGridSize[1];
      break;
    case cudaDevAttrWarpSize:
      *value = p.warpSize;
      break;
    case cudaDevAttrMultiProcessorCount:
      *value = p.multiProcessorCount;
      break;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
      *value = p.maxThreadsPerMultiProcessor;
      break;
    case cudaDevAttrMaxSharedMemoryPerBlock:
      *value = static_cast<int>(kSharedBytes);
      break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
      *value = kSharedOptIn;
      break;
    case cudaDevAttrComputeCapabilityMajor:
      *value = p.major;
      break;
    case cudaDevAttrComputeCapabilityMinor:
      *value = p.minor;
      break;
    case cudaDevAttrManagedMemory:
    case cudaDevAttrConcurrentManagedAccess:
    case cudaDevAttrUnifiedAddressing:
      *value = 1;
      break;
    default:
      return failed(cudaErrorInvalidValue);
  }
  return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  const Lock lock(runtime_mutex());
  *total = kTotalBytes;
  *free = kTotalBytes - allocated_bytes();
  return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize() {
  const Lock lock(runtime_mutex());
  check_caller("cudaDeviceSynchronize");
  run_everything();
  return cudaSuccess;
}

// Streams survive, so that objects that outlive the device's memory can still destroy their own.
cudaError_t cudaDeviceReset() {
  const Lock lock(runtime_mutex());
  cudaDeviceSynchronize();
  release_all();
  return cudaSuccess;
}
