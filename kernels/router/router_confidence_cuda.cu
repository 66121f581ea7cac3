// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/map.h"
#include "kernels/cuda/reduce.h"
#include "kernels/router/router_confidence.h"

namespace sy {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / kWarp;

// One token per warp. Traffic: reads probs once and writes three numbers a token (the minimum).
template <class T>
__global__ void router_confidence_kernel(T* is_routed, T* entropy, T* largest, const T* probs,
                                         const int32_t* expert, int64_t tokens, int experts,
                                         int64_t choices) {
  const int64_t t = int64_t{blockIdx.x} * kWarps + warp_id();
  if (t >= tokens) return;
  const bool routed = expert[t * choices] >= 0;
  const T* p = probs + t * experts;
  T sum = 0, most = 0;
  for (int e = lane_id(); e < experts && routed; e += kWarp) {
    if (p[e] > T(0)) sum -= p[e] * std::log(p[e]);
    most = p[e] > most ? p[e] : most;
  }
  sum = warp_sum(sum);
  most = warp_max(most);
  if (lane_id() != 0) return;
  is_routed[t] = routed ? T(1) : T(0);
  entropy[t] = sum;
  largest[t] = most;
}

}  // namespace

template <class T>
struct RouterConfidenceImpl<Backend::cuda, T> {
  static void run(Exec& exec, Tensor routed, Tensor entropy, Tensor largest, Tensor probs,
                  Tensor expert) {
    const int64_t tokens = probs.dim(0);
    launch(cuda(exec).compute, "router_confidence",
           {.grid = narrow<unsigned>(ceil_div(tokens, int64_t{kWarps})), .block = kThreads},
           router_confidence_kernel<T>, routed.data<T>(), entropy.data<T>(), largest.data<T>(),
           probs.data<T>(), expert.data<int32_t>(), tokens, narrow<int>(probs.dim(1)),
           expert.numel() / tokens);
  }
};

template struct RouterConfidenceImpl<Backend::cuda, float>;
template struct RouterConfidenceImpl<Backend::cuda, double>;

}  // namespace sy
