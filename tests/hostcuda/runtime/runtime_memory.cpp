// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "tests/hostcuda/device/report.h"
#include "tests/hostcuda/runtime/runtime.h"

using namespace sy::hostcuda;

namespace {

cudaError_t allocate_into(void** pointer, Kind kind, size_t bytes) {
  const Lock lock(runtime_mutex());
  check_caller("an allocation");
  if (pointer == nullptr) return failed(cudaErrorInvalidValue);
  *pointer = bytes == 0 ? nullptr : allocate(kind, bytes);
  return *pointer != nullptr || bytes == 0 ? cudaSuccess : failed(cudaErrorMemoryAllocation);
}

cudaError_t free_at(void* pointer, bool pinned) {
  const Lock lock(runtime_mutex());
  check_caller("cudaFree");
  if (pointer == nullptr) return cudaSuccess;
  run_everything();
  return release(pointer, pinned) ? cudaSuccess : failed(cudaErrorInvalidValue);
}

// An address at which the runtime has allocated nothing counts as ordinary host memory.
bool fits(const void* pointer, size_t bytes, bool on_device) {
  const Allocation* near = find_near(pointer);
  if (near == nullptr) return !on_device;
  if (find_range(pointer, bytes) == nullptr) return false;
  return on_device || near->kind != Kind::device;
}

cudaError_t check_copy(const void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  const bool known = kind == cudaMemcpyDefault;
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  if (!known && !to_device && !from_device && kind != cudaMemcpyHostToHost) {
    return failed(cudaErrorInvalidMemcpyDirection);
  }
  auto fine = [&](const void* pointer, bool on_device) {
    return fits(pointer, bytes, known ? find_near(pointer) != nullptr : on_device);
  };
  return fine(to, to_device) && fine(from, from_device) ? cudaSuccess
                                                        : failed(cudaErrorInvalidValue);
}

void copy(void* to, const void* from, size_t bytes) {
  const DeviceAccess access;
  std::memmove(to, from, bytes);
}

void set(void* to, int value, size_t bytes) {
  const DeviceAccess access;
  std::memset(to, value, bytes);
}

}  // namespace

cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  return allocate_into(pointer, Kind::device, bytes);
}
cudaError_t cudaMallocManaged(void** pointer, size_t bytes, unsigned) {
  return allocate_into(pointer, Kind::managed, bytes);
}
cudaError_t cudaMallocHost(void** pointer, size_t bytes) {
  return allocate_into(pointer, Kind::pinned, bytes);
}
cudaError_t cudaHostAlloc(void** pointer, size_t bytes, unsigned) {
  return allocate_into(pointer, Kind::pinned, bytes);
}
cudaError_t cudaFree(void* pointer) {
  return free_at(pointer, false);
}
cudaError_t cudaFreeHost(void* pointer) {
  return free_at(pointer, true);
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
  const Lock lock(runtime_mutex());
  *attributes = {};
  const Allocation* found = find_range(pointer, 0);
  if (found == nullptr) return cudaSuccess;  // cudaMemoryTypeUnregistered
  attributes->type = found->kind == Kind::device    ? cudaMemoryTypeDevice
                     : found->kind == Kind::managed ? cudaMemoryTypeManaged
                                                    : cudaMemoryTypeHost;
  attributes->devicePointer = const_cast<void*>(pointer);
  if (found->kind != Kind::device) attributes->hostPointer = attributes->devicePointer;
  return cudaSuccess;
}

// The blocking copies run on the legacy default stream: they do not wait for streams that were
// created with cudaStreamNonBlocking.
cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  const Lock lock(runtime_mutex());
  check_caller("cudaMemcpy");
  if (bytes == 0) return cudaSuccess;
  if (const cudaError_t error = check_copy(to, from, bytes, kind)) return error;
  run_blocking_streams();
  copy(to, from, bytes);
  return cudaSuccess;
}

cudaError_t cudaMemset(void* to, int value, size_t bytes) {
  const Lock lock(runtime_mutex());
  check_caller("cudaMemset");
  if (bytes == 0) return cudaSuccess;
  if (!fits(to, bytes, true)) return failed(cudaErrorInvalidValue);
  run_blocking_streams();
  set(to, value, bytes);
  return cudaSuccess;
}

// Accesses host memory when it runs, not when it is called, whether pinned or not: a GPU may do so.
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  const Lock lock(runtime_mutex());
  checked(stream, "cudaMemcpyAsync");
  if (bytes == 0) return cudaSuccess;
  if (const cudaError_t error = check_copy(to, from, bytes, kind)) return error;
  queue_host(stream, "cudaMemcpyAsync", [=] { copy(to, from, bytes); });
  return cudaSuccess;
}

cudaError_t cudaMemcpy2DAsync(void* to, size_t to_pitch, const void* from, size_t from_pitch,
                              size_t width, size_t height, cudaMemcpyKind kind,
                              cudaStream_t stream) {
  const Lock lock(runtime_mutex());
  checked(stream, "cudaMemcpy2DAsync");
  if (width > to_pitch || width > from_pitch) return failed(cudaErrorInvalidPitchValue);
  if (width == 0 || height == 0) return cudaSuccess;
  char* const to_row = static_cast<char*>(to);
  const char* const from_row = static_cast<const char*>(from);
  for (const size_t row : {size_t{0}, height - 1}) {
    const cudaError_t error =
        check_copy(to_row + row * to_pitch, from_row + row * from_pitch, width, kind);
    if (error != cudaSuccess) return error;
  }
  queue_host(stream, "cudaMemcpy2DAsync", [=] {
    for (size_t row = 0; row < height; ++row) {
      copy(to_row + row * to_pitch, from_row + row * from_pitch, width);
    }
  });
  return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
  const Lock lock(runtime_mutex());
  checked(stream, "cudaMemsetAsync");
  if (bytes == 0) return cudaSuccess;
  if (!fits(to, bytes, true)) return failed(cudaErrorInvalidValue);
  queue_host(stream, "cudaMemsetAsync", [=] { set(to, value, bytes); });
  return cudaSuccess;
}
