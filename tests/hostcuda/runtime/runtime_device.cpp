// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string>
#include <vector>

#include "tests/hostcuda/device/shared_memory.h"
#include "tests/hostcuda/runtime/runtime.h"

using namespace sy::hostcuda;

namespace {

constexpr int kVersion = CUDART_VERSION;
constexpr int kSharedOptIn = 227 << 10;  // as on sm_90
constexpr int kDevices = 16;
constexpr int kProcessors = 4, kThreadsOfProcessor = 2048, kRegisters = 65536;

thread_local int selected = 0;

// The physical GPUs that this process sees: those of CUDA_VISIBLE_DEVICES, a list of numbers, or
// else as many as SWITCHYARD_HOSTCUDA_DEVICES says.
const std::vector<int>& visible_devices() {
  static const auto* visible = [] {
    auto* devices = new std::vector<int>;
    const char *list = std::getenv("CUDA_VISIBLE_DEVICES"),
               *count = std::getenv("SWITCHYARD_HOSTCUDA_DEVICES");
    std::istringstream numbers(list != nullptr ? list : "");
    for (std::string number; std::getline(numbers, number, ',');) {
      devices->push_back(std::atoi(number.c_str()));
    }
    const int all = count != nullptr ? std::atoi(count) : kDevices;
    for (int i = 0; list == nullptr && i < all; ++i) devices->push_back(i);
    return devices;
  }();
  return *visible;
}

bool exists(int device) {
  return device >= 0 && device < static_cast<int>(visible_devices().size());
}

}  // namespace

cudaError_t cudaGetDeviceCount(int* count) {
  *count = static_cast<int>(visible_devices().size());
  return *count > 0 ? cudaSuccess : failed(cudaErrorNoDevice);
}
// All of them share one memory and one set of streams.
cudaError_t cudaSetDevice(int device) {
  if (!exists(device)) return failed(cudaErrorInvalidDevice);
  selected = device;
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
  *device = selected;
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
  if (!exists(device)) return failed(cudaErrorInvalidDevice);
  *properties = {};
  cudaDeviceProp& p = *properties;
  const int number = visible_devices()[static_cast<size_t>(device)];
  std::memcpy(p.uuid.bytes, &number, sizeof number);
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
  *total = total_bytes();
  *free = total_bytes() - allocated_bytes();
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
