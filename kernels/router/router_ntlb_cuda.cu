// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/launch.h"
#include "kernels/cuda/reduce.h"
#include "kernels/router/router_ntlb.h"
#include "kernels/router/token_order_cuda.h"
#include "lib/base/numeric.h"
#include "lib/tensor/cuda/cuda_context.h"

namespace sy {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / kWarp;

// One token per warp. Traffic: reads scores from memory once (the minimum), and k times from the
// cache.
template <class T>
__global__ void router_order_kernel(int32_t* order, const T* scores, int64_t tokens, int experts,
                                    int k) {
  const int64_t t = int64_t{blockIdx.x} * kWarps + warp_id();
  if (t >= tokens) return;
  int last = -1;
  for (int j = 0; j < k; ++j) {
    last = next_expert(scores + t * experts, experts, last);
    if (lane_id() == 0) order[t * k + j] = last;
  }
}

template <class T>
struct NtlbGroups {
  T *gate, *fraction;
  int32_t *expert, *taken;
  const T* probs;
  const int32_t *order, *valid;
  int64_t size, capacity;
  int experts, k;
};

// The turn of expert e: of the tokens from `begin` on that have it as their j-th choice, it takes
// those without a place, in order, until it is full. Returns how many have it as that choice.
template <class T>
__device__ int take_tokens(const NtlbGroups<T>& of, int64_t begin, int32_t* taken, int e, int j) {
  int choices = 0;
  for (int64_t t = begin; t < begin + of.size; ++t) {
    if (of.order[t * of.k + j] != e || of.valid[t] == 0) continue;
    ++choices;
    if (of.expert[t] >= 0 || taken[e] == of.capacity) continue;
    of.expert[t] = e;
    ++taken[e];
  }
  return choices;
}

// One group per block; in each turn an expert per thread. A token has one j-th choice, so no two
// threads write to it in the same turn. Traffic: every thread reads order k times, all threads the
// same word at a time, from the cache; reads a probability of each token.
template <class T>
__global__ void __launch_bounds__(kThreads) router_ntlb_kernel(NtlbGroups<T> of) {
  const int64_t begin = int64_t{blockIdx.x} * of.size, end = begin + of.size;
  const int thread = static_cast<int>(threadIdx.x);
  T* fraction = of.fraction + int64_t{blockIdx.x} * of.experts;
  int32_t* taken = of.taken + int64_t{blockIdx.x} * of.experts;
  int64_t tokens = 0;
  for (int64_t t = begin; t < end; ++t) tokens += of.valid[t] != 0 ? 1 : 0;
  for (int64_t t = begin + thread; t < end; t += kThreads) of.expert[t] = -1;
  for (int j = 0; j < of.k; ++j) {
    __syncthreads();
    for (int e = thread; e < of.experts; e += kThreads) {
      if (j == 0) {
        fraction[e] = T(0);
        taken[e] = 0;
      }
      fraction[e] += static_cast<T>(take_tokens(of, begin, taken, e, j));
    }
  }
  __syncthreads();
  for (int e = thread; e < of.experts && tokens > 0; e += kThreads) {
    fraction[e] /= static_cast<T>(tokens * of.k);
  }
  for (int64_t t = begin + thread; t < end; t += kThreads) {
    const bool is_valid = of.valid[t] != 0;
    if (is_valid && of.expert[t] < 0) of.expert[t] = of.order[t * of.k];
    of.gate[t] = is_valid ? of.probs[t * of.experts + of.expert[t]] : T(0);
  }
}

}  // namespace

template <class T>
struct RouterNtlbImpl<Backend::cuda, T> {
  static void run(Exec& exec, Tensor gate, Tensor expert, Tensor fraction, Tensor probs,
                  Tensor scores, Tensor valid, Tensor order, Tensor taken, int64_t capacity) {
    const int64_t tokens = probs.dim(0), groups = fraction.dim(0);
    const int experts = narrow<int>(probs.dim(1)), k = narrow<int>(order.dim(1));
    launch(cuda(exec).compute, "router_order",
           {.grid = narrow<unsigned>(ceil_div(tokens, int64_t{kWarps})), .block = kThreads},
           router_order_kernel<T>, order.data<int32_t>(), scores.data<T>(), tokens, experts, k);
    const NtlbGroups<T> of{gate.data<T>(),
                           fraction.data<T>(),
                           expert.data<int32_t>(),
                           taken.data<int32_t>(),
                           probs.data<T>(),
                           order.data<int32_t>(),
                           valid.data<int32_t>(),
                           tokens / groups,
                           capacity,
                           experts,
                           k};
    launch(cuda(exec).compute, "router_ntlb", {.grid = narrow<unsigned>(groups), .block = kThreads},
           router_ntlb_kernel<T>, of);
  }
};

template struct RouterNtlbImpl<Backend::cuda, float>;
template struct RouterNtlbImpl<Backend::cuda, double>;

}  // namespace sy
