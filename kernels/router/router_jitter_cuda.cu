// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/map.h"
#include "kernels/router/jitter_factors_cuda.h"
#include "kernels/router/router_jitter.h"

namespace sy {
namespace {

constexpr int kEach = 8;                 // elements per thread, one pack of bfloat16
constexpr int kBlocks = kEach / kDraws;  // Philox blocks per thread
constexpr int kThreads = 256;

// out = x * u. A thread's elements are aligned to the words of its Philox blocks; `first` is the
// word of element 0. Traffic: reads x once, writes out once (the minimum). About 15 integer
// operations per element.
template <class Out, class In, class C = Compute<In>>
__global__ void router_jitter_kernel(Out* out, const In* x, int64_t count, float epsilon,
                                     RandomKey key, uint64_t first, bool packed) {
  const int64_t thread = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  const int64_t begin = thread * kEach - static_cast<int64_t>(first % kDraws);
  if (begin >= count) return;
  C factor[kEach];
  const uint64_t block = first / kDraws + static_cast<uint64_t>(thread * kBlocks);
#pragma unroll
  for (int i = 0; i < kBlocks; ++i) {
    jitter_factors(factor + i * kDraws, philox(key, block + static_cast<uint64_t>(i)), epsilon);
  }
  if (packed && begin + kEach <= count) {
    In from[kEach];
    Out to[kEach];
    load_packs(from, x + begin);
#pragma unroll
    for (int i = 0; i < kEach; ++i) put(to[i], C(from[i]) * factor[i]);
    store_packs(out + begin, to);
    return;
  }
#pragma unroll
  for (int i = 0; i < kEach; ++i) {
    const int64_t at = begin + i;
    if (at >= 0 && at < count) put(out[at], C(x[at]) * factor[i]);
  }
}

}  // namespace

template <class Out, class In>
struct RouterJitterImpl<Backend::cuda, Out, In> {
  static void run(Exec& exec, Tensor out, Tensor x, float epsilon, const RandomKey& key,
                  int64_t first_row) {
    if (x.numel() == 0) return;
    const uint64_t first = static_cast<uint64_t>(first_row * x.cols());
    const int64_t skip = static_cast<int64_t>(first % kDraws);
    const bool packed = skip == 0 && is_packed({out.raw(), x.raw()});
    const int64_t blocks = ceil_div(x.numel() + skip, int64_t{kThreads} * kEach);
    launch(cuda(exec).compute, "router_jitter",
           {.grid = narrow<unsigned>(blocks), .block = kThreads}, router_jitter_kernel<Out, In>,
           out.data<Out>(), x.data<In>(), x.numel(), epsilon, key, first, packed);
  }
};

template struct RouterJitterImpl<Backend::cuda, float, float>;
template struct RouterJitterImpl<Backend::cuda, double, double>;
template struct RouterJitterImpl<Backend::cuda, float, BFloat16>;
template struct RouterJitterImpl<Backend::cuda, BFloat16, float>;

}  // namespace sy
