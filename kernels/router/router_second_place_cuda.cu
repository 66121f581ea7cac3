// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/launch.h"
#include "kernels/cuda/reduce.h"
#include "kernels/router/group_sums_cuda.h"
#include "kernels/router/router_second_place.h"
#include "lib/base/numeric.h"
#include "lib/tensor/cuda/cuda_context.h"

namespace sy {
namespace {

constexpr size_t kSlots = kWarp * sizeof(double);

template <class T>
struct SecondPlaces {
  T *fraction, *d_logits;
  const T* probs;
  const int32_t *expert, *second;
  double* share;  // 1 / m of each group
  int64_t size;   // tokens of a group
  int experts;
};

// One group per block of grid.x, and an expert per thread of grid.y. Traffic: every thread reads
// the group's second choices, all the same word at a time, from the cache.
template <class T>
__global__ void router_second_fraction_kernel(SecondPlaces<T> of) {
  const int e = static_cast<int>(blockIdx.y * kRouterThreads + threadIdx.x);
  if (e >= of.experts) return;
  const int32_t* second = of.second + blockIdx.x * of.size;
  int count = 0, routed = 0;
  for (int64_t i = 0; i < of.size; ++i) {
    count += second[i] == e ? 1 : 0;
    routed += second[i] >= 0 ? 1 : 0;
  }
  const T share = routed == 0 ? T(0) : static_cast<T>(count) / static_cast<T>(routed);
  of.fraction[int64_t{blockIdx.x} * of.experts + e] = share;
}

// 1 / D and sum_j f2_j q_j of a token, in every lane.
template <class T>
struct OfToken {
  T inverse, mean;
};
template <class T>
__device__ OfToken<T> of_token(const SecondPlaces<T>& of, int64_t t) {
  const T *p = of.probs + t * of.experts, *f = of.fraction + t / of.size * of.experts;
  const int first = of.expert[2 * t];
  T others = 0, dot = 0;
  for (int e = lane_id(); e < of.experts; e += kWarp) {
    if (e == first) continue;
    others += p[e];
    dot += f[e] * p[e];
  }
  const T inverse = T(1) / (warp_sum(others) + static_cast<T>(kSecondPlaceEpsilon));
  return {inverse, warp_sum(dot) * inverse};
}

// parts[b] = the sum over kRouterTokens tokens of E / m sum_j f2_j q_j, one token per warp at a
// time. Traffic: reads probs once (the minimum).
template <class T>
__global__ void router_second_loss_kernel(double* parts, SecondPlaces<T> of, int64_t tokens) {
  double* slots = reinterpret_cast<double*>(shared_memory());
  const int64_t begin = int64_t{blockIdx.x} * kRouterTokens;
  double sum = 0;
  for (int64_t t = begin + warp_id(); t < begin + kRouterTokens && t < tokens; t += kRouterWarps) {
    if (of.second[t] < 0) continue;
    const T mean = of_token(of, t).mean;
    if (lane_id() == 0) sum += of.share[t / of.size] * static_cast<double>(mean);
  }
  sum = block_sum(sum, slots);
  if (threadIdx.x == 0) parts[blockIdx.x] = of.experts * sum;
}

// One token per warp; the formula is that of backward_row in router_second_place_cpu.cpp. Traffic:
// reads probs, reads and writes d_logits (the minimum; probs again from cache).
template <class T>
__global__ void router_second_backward_kernel(SecondPlaces<T> of, double scale, int64_t tokens) {
  const int64_t t = int64_t{blockIdx.x} * kRouterWarps + warp_id();
  if (t >= tokens || of.second[t] < 0) return;
  const OfToken<T> token = of_token(of, t);
  const T *p = of.probs + t * of.experts, *f = of.fraction + t / of.size * of.experts;
  const T factor = static_cast<T>(scale * of.experts * of.share[t / of.size]) * token.inverse;
  const int first = of.expert[2 * t];
  T shared = 0;
  for (int e = lane_id(); e < of.experts; e += kWarp) {
    if (e != first) shared += p[e] * factor * (f[e] - token.mean);
  }
  shared = warp_sum(shared);
  for (int e = lane_id(); e < of.experts; e += kWarp) {
    const T d_p = e == first ? T(0) : factor * (f[e] - token.mean);
    of.d_logits[t * of.experts + e] += p[e] * (d_p - shared);
  }
}

unsigned blocks_for(int64_t count, int64_t each) {
  return narrow<unsigned>(ceil_div(count, each));
}

// The arguments, with each group's share of its tokens computed.
template <class T>
SecondPlaces<T> second_places(Exec& exec, Tensor fraction, Tensor probs, Tensor valid,
                              Tensor expert, Tensor second, Tensor share, T* d_logits) {
  const int64_t groups = fraction.dim(0);
  const SecondPlaces<T> of{fraction.data<T>(),      d_logits,
                           probs.data<T>(),         expert.data<int32_t>(),
                           second.data<int32_t>(),  share.data<double>(),
                           second.numel() / groups, narrow<int>(fraction.dim(1))};
  launch(cuda(exec).compute, "router_share",
         {.grid = narrow<unsigned>(groups), .block = kRouterThreads, .shared_bytes = kSlots},
         router_share_kernel, of.share, valid.data<int32_t>(), of.size);
  return of;
}

}  // namespace

template <class T>
struct RouterSecondPlaceImpl<Backend::cuda, T> {
  static void forward(Exec& exec, Tensor loss, Tensor fraction, Tensor probs, Tensor valid,
                      Tensor expert, Tensor second, Tensor share, Tensor parts) {
    const int64_t groups = fraction.dim(0), experts = fraction.dim(1);
    const cudaStream_t stream = cuda(exec).compute;
    const auto of = second_places<T>(exec, fraction, probs, valid, expert, second, share, nullptr);
    launch(stream, "router_second_fraction",
           {.grid = dim3(narrow<unsigned>(groups), blocks_for(experts, kRouterThreads)),
            .block = kRouterThreads},
           router_second_fraction_kernel<T>, of);
    launch(
        stream, "router_second_loss",
        {.grid = narrow<unsigned>(parts.numel()), .block = kRouterThreads, .shared_bytes = kSlots},
        router_second_loss_kernel<T>, parts.data<double>(), of, second.numel());
    launch(stream, "router_losses", {.block = kRouterThreads, .shared_bytes = kSlots},
           router_losses_kernel<T>, loss.data<T>(), parts.data<double>(), parts.numel());
  }

  static void backward(Exec& exec, Tensor d_logits, Tensor fraction, Tensor probs, Tensor valid,
                       Tensor expert, Tensor second, double scale, Tensor share) {
    const auto of =
        second_places<T>(exec, fraction, probs, valid, expert, second, share, d_logits.data<T>());
    launch(cuda(exec).compute, "router_second_backward",
           {.grid = blocks_for(second.numel(), kRouterWarps), .block = kRouterThreads},
           router_second_backward_kernel<T>, of, scale, second.numel());
  }
};

template struct RouterSecondPlaceImpl<Backend::cuda, float>;
template struct RouterSecondPlaceImpl<Backend::cuda, double>;

}  // namespace sy
