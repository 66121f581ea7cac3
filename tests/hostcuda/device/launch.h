// SPDX-License-Identifier: Apache-2.0
// Kernel launches, for sources compiled for the host; used by kernels/cuda/launch.h.
#pragma once

#include <cuda_runtime_api.h>

#include <functional>
#include <type_traits>

namespace sy::hostcuda {

struct KernelCall {
  const char* name;  // must outlive the call
  dim3 grid, block;
  size_t shared_bytes;
};

// Queues the kernel on `stream`. `body` will run once for each thread, with threadIdx and the like
// set (device.h). Returns cudaErrorInvalidConfiguration if a GPU would not start the kernel.
cudaError_t queue_kernel(cudaStream_t stream, const KernelCall& call, std::function<void()> body);

// Runs the kernel now, in this host thread: its blocks one after another, the threads of a block as
// fibers that switch only where they wait. Device memory is accessible meanwhile. Afterwards,
// writes just outside an allocation are reported.
void run_kernel(const KernelCall& call, const std::function<void()>& body);

// Reports a kernel argument that points to memory the device cannot access.
void check_pointer(const char* kernel, int argument, const void* pointer);

template <class... P>
void check_arguments(const char* kernel, const P&... values) {
  int argument = 0;
  auto check = [&]<class V>(const V& value) {
    ++argument;
    if constexpr (std::is_pointer_v<V>) check_pointer(kernel, argument, value);
  };
  (check(values), ...);
}

}  // namespace sy::hostcuda
