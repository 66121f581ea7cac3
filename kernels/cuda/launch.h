// SPDX-License-Identifier: Apache-2.0
// The one function that launches kernels: on a stream, with checks, under the name that errors
// report.
//   launch(cuda(exec).compute, "rms_norm", {.grid = rows, .block = 128}, kernel<T>, out, x, d);
// When the sources are compiled for the host (docs/testing.md), the same call queues the kernel
// there.
#pragma once

#include <cuda_runtime_api.h>

#include <tuple>
#include <utility>

#include "lib/tensor/cuda/cuda_check.h"

#ifdef SY_HOSTCUDA
#include "tests/hostcuda/device/launch.h"
#endif

namespace sy {

struct LaunchShape {
  dim3 grid{1, 1, 1};
  dim3 block{1, 1, 1};
  size_t shared_bytes = 0;  // bytes of shared_memory() (device.h) per block
};

// Launches `kernel` with the arguments converted to its parameter types and returns immediately. A
// grid without blocks launches nothing. Throws RuntimeFailure naming the kernel if it cannot be
// launched.
template <class... P, class... A>
void launch(cudaStream_t stream, const char* name, const LaunchShape& shape, void (*kernel)(P...),
            A&&... arguments) {
  if (shape.grid.x == 0 || shape.grid.y == 0 || shape.grid.z == 0) return;
  std::tuple<P...> values(static_cast<P>(std::forward<A>(arguments))...);
#ifdef SY_HOSTCUDA
  std::apply([&](const P&... value) { hostcuda::check_arguments(name, value...); }, values);
  check_cuda(hostcuda::queue_kernel(stream, {name, shape.grid, shape.block, shape.shared_bytes},
                                    [kernel, values] { std::apply(kernel, values); }),
             name);
#else
  std::apply(
      [&](P&... value) {
        void* pointers[] = {static_cast<void*>(&value)...};
        check_cuda(cudaLaunchKernel(reinterpret_cast<const void*>(kernel), shape.grid, shape.block,
                                    pointers, shape.shared_bytes, stream),
                   name);
      },
      values);
#endif
}

}  // namespace sy
