// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/launch.h"
#include "kernels/cuda/reduce.h"
#include "kernels/find_nonfinite/find_nonfinite.h"
#include "lib/tensor/cuda/cuda_context.h"

namespace sy {
namespace {

constexpr int kThreads = 1024;
// Elements between two checks of what all threads have found.
constexpr int64_t kChunk = 16 * kThreads;

// One block suffices: in nearly every step it returns immediately, and otherwise the step is lost
// anyway.
template <class T>
__global__ void __launch_bounds__(kThreads)
    find_nonfinite_kernel(double* index, const T* x, int64_t count, const double* squares) {
  if (is_finite(*squares)) {
    if (threadIdx.x == 0) *index = -1;
    return;
  }
  int64_t* slots = reinterpret_cast<int64_t*>(shared_memory());
  int64_t from_end = 0;  // distance of the first find from the end, the largest one; 0: none
  for (int64_t begin = 0; begin < count && from_end == 0; begin += kChunk) {
    const int64_t end = begin + kChunk < count ? begin + kChunk : count;
    for (int64_t i = begin + threadIdx.x; i < end; i += kThreads) {
      const int64_t here = is_finite(x[i]) ? 0 : count - i;
      from_end = here > from_end ? here : from_end;
    }
    from_end = block_max(from_end, slots);
  }
  if (threadIdx.x == 0) *index = from_end == 0 ? -1.0 : static_cast<double>(count - from_end);
}

}  // namespace

template <class T>
struct FindNonfiniteImpl<Backend::cuda, T> {
  static void run(Exec& exec, Tensor index, Tensor x, Tensor squares) {
    launch(cuda(exec).compute, "find_nonfinite",
           {.block = kThreads, .shared_bytes = 32 * sizeof(int64_t)}, find_nonfinite_kernel<T>,
           index.data<double>(), x.data<T>(), x.numel(), squares.data<double>());
  }
};

template struct FindNonfiniteImpl<Backend::cuda, float>;
template struct FindNonfiniteImpl<Backend::cuda, double>;

}  // namespace sy
