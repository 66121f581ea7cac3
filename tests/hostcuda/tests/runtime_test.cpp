// SPDX-License-Identifier: Apache-2.0
// The remaining functions of the runtime: device properties, event times, errors, reset.
#include <cstring>

#include "tests/hostcuda/runtime/stream.h"
#include "tests/hostcuda/tests/support.h"

namespace sy::test {
namespace {

TEST_CASE("runtime: there are sixteen devices, and each has the expected properties", "[runtime]") {
  int count = 0, device = -1, value = 0;
  CUDA_OK(cudaGetDeviceCount(&count));
  CHECK(count == 16);
  CUDA_OK(cudaSetDevice(0));
  CUDA_OK(cudaGetDevice(&device));
  CHECK(device == 0);
  CUDA_OK(cudaSetDevice(15));
  CUDA_OK(cudaGetDevice(&device));
  CHECK(device == 15);
  CHECK(cudaSetDevice(16) == cudaErrorInvalidDevice);
  CUDA_OK(cudaSetDevice(0));
  cudaDeviceProp properties, other;
  CUDA_OK(cudaGetDeviceProperties(&properties, 0));
  CUDA_OK(cudaGetDeviceProperties(&other, 1));
  CHECK(std::memcmp(&properties.uuid, &other.uuid, sizeof other.uuid) != 0);
  CHECK(std::strcmp(properties.name, "host execution") == 0);
  CHECK(properties.major * 10 + properties.minor == 90);
  CUDA_OK(cudaDeviceGetAttribute(&value, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0));
  CHECK(value == 227 * 1024);
  CUDA_OK(cudaDeviceGetAttribute(&value, cudaDevAttrWarpSize, 0));
  CHECK(value == 32);
  CUDA_OK(cudaRuntimeGetVersion(&value));
  CHECK(value == CUDART_VERSION);
  cudaGetLastError();
}

TEST_CASE("runtime: events measure time once they are complete", "[runtime]") {
  hostcuda::set_schedule({});
  const Stream stream;
  const Event start, end, untimed(cudaEventDisableTiming);
  float milliseconds = -1;
  CHECK(cudaEventElapsedTime(&milliseconds, start, end) == cudaErrorInvalidResourceHandle);
  CUDA_OK(cudaEventRecord(start, stream));
  CUDA_OK(cudaEventRecord(untimed, stream));
  CUDA_OK(cudaEventRecord(end, stream));
  CHECK(cudaEventElapsedTime(&milliseconds, start, end) == cudaErrorNotReady);
  stream.wait();
  CHECK(cudaEventElapsedTime(&milliseconds, start, untimed) == cudaErrorInvalidResourceHandle);
  CUDA_OK(cudaEventElapsedTime(&milliseconds, start, end));
  CHECK(milliseconds >= 0);
  CHECK(cudaGetLastError() == cudaErrorInvalidResourceHandle);
}

TEST_CASE("runtime: errors have names and are kept until asked for", "[runtime]") {
  CHECK(std::string(cudaGetErrorName(cudaErrorNotReady)) == "cudaErrorNotReady");
  CHECK(std::string(cudaGetErrorString(cudaErrorMemoryAllocation)) == "out of memory");
  CHECK(cudaSetDevice(16) == cudaErrorInvalidDevice);
  CHECK(cudaPeekAtLastError() == cudaErrorInvalidDevice);
  CHECK(cudaGetLastError() == cudaErrorInvalidDevice);
  CHECK(cudaPeekAtLastError() == cudaSuccess);
}

TEST_CASE("runtime: schedules have names", "[runtime]") {
  using hostcuda::Order;
  CHECK(hostcuda::named_schedule(nullptr).order == Order::forward);
  CHECK(hostcuda::named_schedule("reverse").order == Order::reverse);
  CHECK(hostcuda::named_schedule("random").order == Order::random);
  CHECK(hostcuda::named_schedule("random:71").seed == 71);
  for (const char* name : {"sideways", "random:", "random:1x"}) {
    check_reported({"SWITCHYARD_HOSTCUDA_SCHEDULE is", name, "random:SEED"},
                   [&] { hostcuda::named_schedule(name); });
  }
}

TEST_CASE("runtime: a reset frees all memory", "[runtime]") {
  const Outcome outcome = in_child([] {
    void *device = nullptr, *pinned = nullptr;
    cudaMalloc(&device, 100);
    cudaMallocHost(&pinned, 100);
    size_t free = 0, total = 0;
    const bool reset = cudaDeviceReset() == cudaSuccess;
    cudaMemGetInfo(&free, &total);
    _exit(reset && free == total ? 7 : 1);
  });
  CHECK(outcome.exit_code == 7);
}

}  // namespace
}  // namespace sy::test
