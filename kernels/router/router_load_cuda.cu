// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/launch.h"
#include "kernels/cuda/reduce.h"
#include "kernels/router/router_load.h"
#include "kernels/router/token_order_cuda.h"
#include "lib/base/numeric.h"
#include "lib/tensor/cuda/cuda_context.h"

namespace sy {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / kWarp;

template <class T>
struct NoisyTokens {
  const T *noisy, *raw;
  const int32_t* valid;
  NoiseDraw draw;
  int64_t tokens, size;  // size: of a group
  int experts, k;
};

// The experts that are a token's k-th and (k+1)-th, in every lane.
struct Edge {
  int last_in = -1, first_out = -1;
};
template <class T>
__device__ Edge edge_of(const T* noisy, int experts, int k) {
  const auto next = [&](int last) {
    const int e = next_expert(noisy, experts, last);
    return e < 0 ? 0 : e;  // with NaN there may be none
  };
  Edge edge;
  for (int j = 0; j < k; ++j) edge.last_in = next(edge.last_in);
  edge.first_out = next(edge.last_in);
  return edge;
}

// An expert of a token: whether it is among the k best, H_e - T_e, s_e and (logit_e - T_e) / s_e.
template <class T>
struct NoisyExpert {
  bool is_in;
  T margin, scale, z;
};
template <class T>
__device__ NoisyExpert<T> noisy_expert(const NoisyTokens<T>& of, int64_t t, int e, Edge edge) {
  const T* h = of.noisy + t * of.experts;
  const bool is_in = !comes_after(h[e], e, h[edge.last_in], edge.last_in);
  const T margin = h[e] - h[is_in ? edge.first_out : edge.last_in];
  const T scale = softplus(of.raw[t * of.experts + e]);
  const auto element = static_cast<uint64_t>((of.draw.first_row + t) * of.experts + e);
  return {is_in, margin, scale, margin / scale - normal_draw<T>(of.draw.key, element)};
}

// One token per warp. Traffic: reads noisy and raw, writes chances once (the minimum; noisy again
// from cache).
template <class T>
__global__ void router_chances_kernel(T* chances, NoisyTokens<T> of) {
  const int64_t t = int64_t{blockIdx.x} * kWarps + warp_id();
  if (t >= of.tokens) return;
  const bool is_valid = of.valid[t] != 0, some_out = of.experts > of.k;
  const Edge edge =
      is_valid && some_out ? edge_of(of.noisy + t * of.experts, of.experts, of.k) : Edge{};
  for (int e = lane_id(); e < of.experts; e += kWarp) {
    T chance = is_valid ? T(1) : T(0);
    if (is_valid && some_out) chance = normal_below(noisy_expert(of, t, e, edge).z);
    chances[t * of.experts + e] = chance;
  }
}

// One group per block of grid.x, and an expert per thread of grid.y. Traffic: reads chances once.
template <class T>
__global__ void router_load_kernel(T* loads, const T* chances, int64_t size, int experts) {
  const int e = static_cast<int>(blockIdx.y * kThreads + threadIdx.x);
  if (e >= experts) return;
  const int64_t begin = blockIdx.x * size;
  T sum = 0;
  for (int64_t t = begin; t < begin + size; ++t) sum += chances[t * experts + e];
  loads[int64_t{blockIdx.x} * experts + e] = sum;
}

// One token per warp. Traffic: reads noisy and raw, reads and writes d_noisy, writes d_scale (the
// minimum; noisy, raw and the draws again for the sums).
template <class T>
__global__ void router_load_backward_kernel(T* d_noisy, T* d_scale, const T* d_loads,
                                            NoisyTokens<T> of, T factor) {
  const int64_t t = int64_t{blockIdx.x} * kWarps + warp_id();
  if (t >= of.tokens) return;
  const int experts = of.experts;
  if (of.valid[t] == 0 || experts <= of.k) {
    for (int e = lane_id(); e < experts; e += kWarp) d_scale[t * experts + e] = T(0);
    return;
  }
  const Edge edge = edge_of(of.noisy + t * experts, experts, of.k);
  const T* d_load = d_loads + t / of.size * experts;
  T to_first_out = 0, to_last_in = 0;
  for (int e = lane_id(); e < experts; e += kWarp) {
    const NoisyExpert<T> expert = noisy_expert(of, t, e, edge);
    const T g = factor * d_load[e] * normal_density(expert.z) / expert.scale;
    (expert.is_in ? to_first_out : to_last_in) += g;
  }
  to_first_out = warp_sum(to_first_out);
  to_last_in = warp_sum(to_last_in);
  for (int e = lane_id(); e < experts; e += kWarp) {
    const NoisyExpert<T> expert = noisy_expert(of, t, e, edge);
    T g = factor * d_load[e] * normal_density(expert.z) / expert.scale;
    d_scale[t * experts + e] = -g * expert.margin / expert.scale;
    if (e == edge.first_out) g -= to_first_out;
    if (e == edge.last_in) g -= to_last_in;
    d_noisy[t * experts + e] += g;
  }
}

template <class T>
NoisyTokens<T> noisy_tokens(Tensor noisy, Tensor raw, Tensor valid, int64_t groups, int64_t k,
                            const NoiseDraw& draw) {
  return {noisy.data<T>(), raw.data<T>(),          valid.data<int32_t>(),     draw,
          valid.numel(),   valid.numel() / groups, narrow<int>(noisy.dim(1)), narrow<int>(k)};
}

LaunchShape token_per_warp(int64_t tokens) {
  return {.grid = narrow<unsigned>(ceil_div(tokens, int64_t{kWarps})), .block = kThreads};
}

}  // namespace

template <class T>
struct RouterLoadImpl<Backend::cuda, T> {
  static void forward(Exec& exec, Tensor loads, Tensor noisy, Tensor raw, Tensor valid, int64_t k,
                      const NoiseDraw& draw, Tensor chances) {
    const int64_t groups = loads.dim(0);
    const auto of = noisy_tokens<T>(noisy, raw, valid, groups, k, draw);
    launch(cuda(exec).compute, "router_chances", token_per_warp(of.tokens),
           router_chances_kernel<T>, chances.data<T>(), of);
    const auto slices = narrow<unsigned>(ceil_div(loads.dim(1), int64_t{kThreads}));
    launch(cuda(exec).compute, "router_load",
           {.grid = dim3(narrow<unsigned>(groups), slices), .block = kThreads},
           router_load_kernel<T>, loads.data<T>(), chances.data<T>(), of.size, of.experts);
  }

  static void backward(Exec& exec, Tensor d_noisy, Tensor d_scale, Tensor d_loads, Tensor noisy,
                       Tensor raw, Tensor valid, int64_t k, const NoiseDraw& draw, double scale) {
    const auto of = noisy_tokens<T>(noisy, raw, valid, d_loads.dim(0), k, draw);
    launch(cuda(exec).compute, "router_load_backward", token_per_warp(of.tokens),
           router_load_backward_kernel<T>, d_noisy.data<T>(), d_scale.data<T>(), d_loads.data<T>(),
           of, static_cast<T>(scale));
  }
};

template struct RouterLoadImpl<Backend::cuda, float>;
template struct RouterLoadImpl<Backend::cuda, double>;

}  // namespace sy
