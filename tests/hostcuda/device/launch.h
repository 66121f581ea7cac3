// What kernels/cuda/launch.h queues where the sources are compiled for the host.
#pragma once

#include <cuda_runtime_api.h>

#include <functional>
#include <type_traits>

namespace sy::hostcuda {

struct KernelCall {
  const char* name;  // outlives the call
  dim3 grid, block;
  size_t shared_bytes;
};

// Queues the kernel on `stream`; `body` is run once for each thread, with threadIdx and the others
// of device.h set. cudaErrorInvalidConfiguration where a GPU would not start it.
cudaError_t queue_kernel(cudaStream_t stream, const KernelCall& call, std::function<void()> body);

// Reports a kernel's argument that points to memory which a device cannot read.
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
