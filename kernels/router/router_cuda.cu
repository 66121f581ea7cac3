// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/map.h"
#include "kernels/router/group_sums_cuda.h"
#include "kernels/router/router.h"
#include "kernels/router/token_softmax_cuda.h"

namespace sy {
namespace {

constexpr size_t kSlots = kWarp * sizeof(double);
// router_backward's arguments; balance and z do not yet include the group's share. expert and
// d_gate may be null.
template <class T>
struct RouterGradient {
  T* d_logits;
  const T *d_gate, *probs, *log_sum, *fraction;
  const int32_t *expert, *valid;
  const double* share;
  double balance, z;
};

// One token per warp; the formula is that of backward_row in router_cpu.cpp. Traffic: reads probs
// once, writes d_logits once (the minimum; the second read of probs is from cache).
template <class T>
__global__ void router_backward_kernel(RouterGradient<T> of, int64_t tokens, int64_t size,
                                       int experts) {
  const int64_t t = int64_t{blockIdx.x} * kRouterWarps + warp_id();
  if (t >= tokens) return;
  T* d_logits = of.d_logits + t * experts;
  if (of.valid[t] == 0) {
    for (int e = lane_id(); e < experts; e += kWarp) d_logits[e] = T(0);
    return;
  }
  const int64_t group = t / size;
  const T balance = static_cast<T>(of.balance * of.share[group]);
  const T z = static_cast<T>(of.z * of.share[group]);
  const T *p = of.probs + t * experts, *f = of.fraction + group * experts;
  const int chosen = of.expert != nullptr ? of.expert[t] : 0;
  const T d_gate = of.d_gate != nullptr ? of.d_gate[t] : T(0);
  T dot = 0;
  for (int e = lane_id(); e < experts; e += kWarp) dot += p[e] * f[e];
  const T gate = p[chosen] * d_gate;
  const T shared = z * of.log_sum[t] - gate - balance * warp_sum(dot);
  for (int e = lane_id(); e < experts; e += kWarp) {
    const T through = p[e] * (balance * f[e] + shared);
    d_logits[e] = e == chosen ? through + gate : through;
  }
}

unsigned blocks_for(int64_t count, int64_t each) {
  return narrow<unsigned>(ceil_div(count, each));
}

}  // namespace

template <class T>
struct RouterImpl<Backend::cuda, T> {
  static void forward(Exec& exec, Tensor probs, Tensor gate, Tensor log_sum, Tensor expert,
                      Tensor fraction, Tensor mean_prob, Tensor losses, Tensor logits, Tensor valid,
                      Tensor scores, bool rounded, const RouterScratch& scratch) {
    const int64_t tokens = logits.dim(0), experts = logits.dim(1), groups = fraction.dim(0);
    const int64_t size = tokens / groups, chunks = ceil_div(size, kRouterTokens);
    const int64_t slices = ceil_div(experts, kRouterExperts);
    const cudaStream_t stream = cuda(exec).compute;
    const Routed<T> to{
        probs.data<T>(),        gate.data<T>(),       log_sum.data<T>(),
        expert.data<int32_t>(), logits.data<T>(),     scores.empty() ? nullptr : scores.data<T>(),
        valid.data<int32_t>(),  narrow<int>(experts), rounded};
    double* parts = scratch.parts.data<double>();
    launch(stream, "router_tokens",
           {.grid = narrow<unsigned>(groups * chunks), .block = kRouterThreads},
           router_tokens_kernel<T>, to, scratch.chunk_probs.data<T>(),
           scratch.chunk_z.data<double>(), size, chunks);
    launch(stream, "router_groups",
           {.grid = narrow<unsigned>(groups * slices),
            .block = kRouterThreads,
            .shared_bytes = kSlots + 2 * kRouterThreads * sizeof(double)},
           router_groups_kernel<T>, fraction.data<T>(), mean_prob.data<T>(), parts,
           scratch.chunk_probs.data<T>(), scratch.chunk_z.data<double>(), experts, chunks, slices,
           rounded);
    launch(stream, "router_losses", {.grid = 2, .block = kRouterThreads, .shared_bytes = kSlots},
           router_losses_kernel<T>, losses.data<T>(), parts, groups * slices);
  }

  static void count_kept(Exec& exec, Tensor count, Tensor expert, Tensor slot) {
    const int64_t groups = count.dim(0), experts = count.dim(1);
    launch(cuda(exec).compute, "router_count_kept",
           {.grid = dim3(narrow<unsigned>(groups), blocks_for(experts, kCountedExperts)),
            .block = kRouterThreads,
            .shared_bytes = kCountedExperts * sizeof(int)},
           router_count_kept_kernel<T>, count.data<T>(), expert.data<int32_t>(),
           slot.data<int32_t>(), expert.numel() / groups, narrow<int>(experts));
  }

  static void balance(Exec& exec, Tensor loss, Tensor fraction, Tensor mean_prob, Tensor parts) {
    const cudaStream_t stream = cuda(exec).compute;
    launch(
        stream, "router_balance",
        {.grid = narrow<unsigned>(parts.numel()), .block = kRouterThreads, .shared_bytes = kSlots},
        router_balance_kernel<T>, parts.data<double>(), fraction.data<T>(), mean_prob.data<T>(),
        fraction.numel(), fraction.dim(1));
    launch(stream, "router_losses", {.block = kRouterThreads, .shared_bytes = kSlots},
           router_losses_kernel<T>, loss.data<T>(), parts.data<double>(), parts.numel());
  }

  static void backward(Exec& exec, Tensor d_logits, Tensor d_gate, Tensor probs, Tensor log_sum,
                       Tensor expert, Tensor fraction, Tensor valid, double balance_scale,
                       double z_scale, Tensor share) {
    const int64_t tokens = probs.dim(0), experts = probs.dim(1), groups = fraction.dim(0);
    const int64_t size = tokens / groups;
    const cudaStream_t stream = cuda(exec).compute;
    launch(stream, "router_share",
           {.grid = narrow<unsigned>(groups), .block = kRouterThreads, .shared_bytes = kSlots},
           router_share_kernel, share.data<double>(), valid.data<int32_t>(), size);
    const bool gates = !d_gate.empty();
    const RouterGradient<T> of{d_logits.data<T>(),
                               gates ? d_gate.data<T>() : nullptr,
                               probs.data<T>(),
                               log_sum.data<T>(),
                               fraction.data<T>(),
                               gates ? expert.data<int32_t>() : nullptr,
                               valid.data<int32_t>(),
                               share.data<double>(),
                               balance_scale * static_cast<double>(experts),
                               2.0 * z_scale};
    launch(stream, "router_backward",
           {.grid = blocks_for(tokens, kRouterWarps), .block = kRouterThreads},
           router_backward_kernel<T>, of, tokens, size, narrow<int>(experts));
  }
};

template struct RouterImpl<Backend::cuda, float>;
template struct RouterImpl<Backend::cuda, double>;

}  // namespace sy
