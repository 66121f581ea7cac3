// SPDX-License-Identifier: Apache-2.0
// Support for the tests of host execution: RAII memory and streams, every schedule, and a child
// process in which a report may end the program.
#pragma once

#include <cuda_runtime_api.h>

#include <catch2/catch.hpp>
#include <functional>
#include <string>
#include <vector>

#include "tests/hostcuda/device/schedule.h"

namespace sy::test {

// Calls Catch2 only on failure, so that several threads may use it.
#define CUDA_OK(call)                                                              \
  do {                                                                             \
    if (const cudaError_t cuda_error = (call)) FAIL(cudaGetErrorName(cuda_error)); \
  } while (false)

struct Stream {
  explicit Stream(unsigned flags = cudaStreamNonBlocking) {
    CUDA_OK(cudaStreamCreateWithFlags(&handle, flags));
  }
  ~Stream() { cudaStreamDestroy(handle); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  operator cudaStream_t() const { return handle; }
  void wait() const { CUDA_OK(cudaStreamSynchronize(handle)); }
  cudaStream_t handle = nullptr;
};

struct Event {
  explicit Event(unsigned flags = cudaEventDefault) {
    CUDA_OK(cudaEventCreateWithFlags(&handle, flags));
  }
  ~Event() { cudaEventDestroy(handle); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  operator cudaEvent_t() const { return handle; }
  cudaEvent_t handle = nullptr;
};

// Device memory of `count` values.
template <class T>
struct Device {
  explicit Device(size_t values) : count(values) {
    CUDA_OK(cudaMalloc(reinterpret_cast<void**>(&data), count * sizeof(T)));
  }
  explicit Device(const std::vector<T>& values) : Device(values.size()) {
    CUDA_OK(cudaMemcpy(data, values.data(), count * sizeof(T), cudaMemcpyHostToDevice));
  }
  ~Device() { cudaFree(data); }
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  operator T*() const { return data; }

  // The contents once the stream has finished its queued work.
  std::vector<T> read(cudaStream_t stream) const {
    std::vector<T> values(count);
    CUDA_OK(
        cudaMemcpyAsync(values.data(), data, count * sizeof(T), cudaMemcpyDeviceToHost, stream));
    CUDA_OK(cudaStreamSynchronize(stream));
    return values;
  }

  T* data = nullptr;
  size_t count;
};

std::vector<hostcuda::Schedule> every_schedule();
std::string describe(const hostcuda::Schedule& schedule);

// Runs `body` in a child process. The exit code is 0 if `body` returned and 3 if it threw; `text`
// is what the child wrote to standard error.
struct Outcome {
  int exit_code;
  std::string text;
};
Outcome in_child(const std::function<void()>& body);

// Checks that `body` ends its process with a report that contains all of `words`.
void check_reported(const std::vector<std::string>& words, const std::function<void()>& body);

// 0, 1, 2, ...
template <class T>
std::vector<T> counting(size_t count) {
  std::vector<T> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = static_cast<T>(i);
  return values;
}

}  // namespace sy::test
