// SPDX-License-Identifier: Apache-2.0
// Memory starts as NaN, ends at a guard page, and device memory is inaccessible to host code.
#include "tests/hostcuda/device/memory.h"

#include <cmath>
#include <cstdint>
#include <cstring>

#include "tests/hostcuda/runtime/stream.h"
#include "tests/hostcuda/tests/correct_kernels.h"
#include "tests/hostcuda/tests/faulty_kernels.h"
#include "tests/hostcuda/tests/support.h"

namespace sy::test {
namespace {

bool all_nan(const std::vector<float>& values) {
  for (const float value : values) {
    if (!std::isnan(value)) return false;
  }
  return true;
}

TEST_CASE("memory: unwritten memory reads as NaN", "[memory]") {
  hostcuda::set_schedule({});
  const Stream stream;
  const Device<float> fresh(40), out(40);
  copy(stream, out, fresh, 40);
  CHECK(all_nan(out.read(stream)));
  // So does shared memory, even after an earlier block has written it.
  read_shared(stream, out, 32, 32, 0);
  write_shared(stream, 32, 32, 0);
  const Device<float> again(32);
  read_shared(stream, again, 32, 32, 0);
  CHECK(all_nan(again.read(stream)));
}

TEST_CASE("memory: copies of every kind, also from the middle", "[memory]") {
  hostcuda::set_schedule({});
  const Stream stream;
  int *pinned = nullptr, *managed = nullptr;
  CUDA_OK(cudaMallocHost(reinterpret_cast<void**>(&pinned), 8 * sizeof(int)));
  CUDA_OK(cudaMallocManaged(reinterpret_cast<void**>(&managed), 8 * sizeof(int)));
  const Device<int> a(8), b(8);
  for (int i = 0; i < 8; ++i) pinned[i] = i;
  CUDA_OK(cudaMemcpyAsync(a, pinned, 8 * sizeof(int), cudaMemcpyHostToDevice, stream));
  CUDA_OK(cudaMemcpyAsync(b, a, 8 * sizeof(int), cudaMemcpyDeviceToDevice, stream));
  CUDA_OK(cudaMemsetAsync(b + 2, 0, 2 * sizeof(int), stream));
  CUDA_OK(cudaMemcpyAsync(managed, b, 8 * sizeof(int), cudaMemcpyDefault, stream));
  stream.wait();
  const std::vector<int> expected{0, 1, 0, 0, 4, 5, 6, 7};
  CHECK(std::vector<int>(managed, managed + 8) == expected);
  CUDA_OK(cudaMemset(managed + 7, 0, sizeof(int)));
  CHECK(managed[7] == 0);
  CUDA_OK(cudaFreeHost(pinned));
  CUDA_OK(cudaFree(managed));
}

TEST_CASE("memory: copies that do not fit or name the wrong side are refused", "[memory]") {
  hostcuda::set_schedule({});
  const Stream stream;
  const Device<int> a(8);
  int host[16] = {};
  CHECK(cudaMemcpy(a, host, 9 * sizeof(int), cudaMemcpyHostToDevice) == cudaErrorInvalidValue);
  CHECK(cudaMemcpy(a + 4, host, 5 * sizeof(int), cudaMemcpyDefault) == cudaErrorInvalidValue);
  CHECK(cudaMemcpy(host, a, sizeof(int), cudaMemcpyHostToHost) == cudaErrorInvalidValue);
  CHECK(cudaMemcpy(host, host + 8, sizeof(int), cudaMemcpyDeviceToHost) == cudaErrorInvalidValue);
  CHECK(cudaMemsetAsync(a, 0, 33, stream) == cudaErrorInvalidValue);
  CHECK(cudaFree(host) == cudaErrorInvalidValue);
  CHECK(cudaFreeHost(a) == cudaErrorInvalidValue);
  CHECK(cudaGetLastError() == cudaErrorInvalidValue);
  CHECK(cudaGetLastError() == cudaSuccess);
}

TEST_CASE("memory: aligned to 16 bytes and counted", "[memory]") {
  size_t before = 0, after = 0, total = 0;
  CUDA_OK(cudaMemGetInfo(&before, &total));
  for (const size_t bytes : {1, 15, 16, 17, 4096, 100000}) {
    const Device<char> a(bytes);
    CHECK(reinterpret_cast<uintptr_t>(a.data) % 16 == 0);
    CUDA_OK(cudaMemGetInfo(&after, &total));
    CHECK(before - after == bytes);
  }
  CUDA_OK(cudaMemGetInfo(&after, &total));
  CHECK(after == before);
  void* none = nullptr;
  CHECK(cudaMalloc(&none, total + 1) == cudaErrorMemoryAllocation);
  CUDA_OK(cudaMalloc(&none, 0));
  CHECK(none == nullptr);
  cudaGetLastError();
}

TEST_CASE("memory: device memory is readable while a DeviceAccess lives", "[memory]") {
  hostcuda::set_schedule({});
  const Device<int> x(std::vector<int>{7, 8});
  {
    const hostcuda::DeviceAccess access;
    CHECK(x.data[1] == 8);
  }
  check_reported({"the host touched device memory of 8 bytes (byte 4)"}, [&] {
    volatile int* at = x.data + 1;
    *at = 1;
  });
}

TEST_CASE("memory: many allocations come and go", "[memory]") {
  for (int i = 0; i < 2000; ++i) {
    const Device<int> x(std::vector<int>{i});
    int value = 0;
    cudaMemcpy(&value, x, sizeof value, cudaMemcpyDeviceToHost);
    REQUIRE(value == i);
  }
}

}  // namespace
}  // namespace sy::test
