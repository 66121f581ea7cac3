// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/launch.h"
#include "kernels/cuda/reduce.h"
#include "kernels/router/router_top2.h"
#include "kernels/router/token_softmax_cuda.h"
#include "lib/base/numeric.h"
#include "lib/tensor/cuda/cuda_context.h"

namespace sy {
namespace {

template <class T>
struct Top2Choices {
  T* gate;
  int32_t *expert, *second;
  const T *probs, *scores;
  const int32_t* first;
};

// One token per warp. Traffic: reads scores once, which usually are probs (the minimum).
template <class T>
__global__ void router_top2_kernel(Top2Choices<T> of, Top2Rule rule, int64_t tokens, int experts) {
  const int64_t t = int64_t{blockIdx.x} * kRouterWarps + warp_id();
  if (t >= tokens) return;
  const int i1 = of.first[t];
  const bool routed = i1 >= 0;
  const T* p = of.probs + t * experts;
  T score;
  const int i2 = routed ? largest_score(of.scores + t * experts, experts, i1, &score) : -1;
  if (lane_id() != 0) return;
  const TopProbs<T> none{T(0), T(0)};
  const TopProbs<T> g = routed ? top2_gates(p[i1], p[i2], rule.normalise) : none;
  const bool keeps = routed && keeps_second(rule, static_cast<float>(g.second), t);
  of.gate[2 * t] = g.first;
  of.gate[2 * t + 1] = keeps ? g.second : T(0);
  of.expert[2 * t] = i1;
  of.expert[2 * t + 1] = keeps ? i2 : -1;
  of.second[t] = i2;
}

template <class T>
struct Top2Gradient {
  T* d_logits;
  const T *d_gate, *probs;
  const int32_t *expert, *second;
};

// One token per warp. Traffic: reads probs, reads and writes d_logits (the minimum).
template <class T>
__global__ void router_top2_backward_kernel(Top2Gradient<T> of, bool normalise, int64_t tokens,
                                            int experts) {
  const int64_t t = int64_t{blockIdx.x} * kRouterWarps + warp_id();
  if (t >= tokens) return;
  const int i1 = of.expert[2 * t], i2 = of.second[t];
  if (i1 < 0) return;
  const T *p = of.probs + t * experts, *d_g = of.d_gate + 2 * t;
  const T d_g2 = of.expert[2 * t + 1] < 0 ? T(0) : d_g[1];
  const TopProbs<T> d = top2_gates_backward(p[i1], p[i2], d_g[0], d_g2, normalise);
  const T shared = p[i1] * d.first + p[i2] * d.second;
  T* row = of.d_logits + t * experts;
  for (int e = lane_id(); e < experts; e += kWarp) {
    const T chosen = e == i1 ? d.first : e == i2 ? d.second : T(0);
    row[e] += p[e] * (chosen - shared);
  }
}

LaunchShape token_per_warp(int64_t tokens) {
  return {.grid = narrow<unsigned>(ceil_div(tokens, int64_t{kRouterWarps})),
          .block = kRouterThreads};
}

}  // namespace

template <class T>
struct RouterTop2Impl<Backend::cuda, T> {
  static void forward(Exec& exec, Tensor gate, Tensor expert, Tensor second, Tensor probs,
                      Tensor first, const Top2Rule& rule, Tensor scores) {
    const Top2Choices<T> of{gate.data<T>(),  expert.data<int32_t>(), second.data<int32_t>(),
                            probs.data<T>(), scores.data<T>(),       first.data<int32_t>()};
    launch(cuda(exec).compute, "router_top2", token_per_warp(probs.dim(0)), router_top2_kernel<T>,
           of, rule, probs.dim(0), narrow<int>(probs.dim(1)));
  }

  static void backward(Exec& exec, Tensor d_logits, Tensor d_gate, Tensor probs, Tensor expert,
                       Tensor second, bool normalise) {
    const Top2Gradient<T> of{d_logits.data<T>(), d_gate.data<T>(), probs.data<T>(),
                             expert.data<int32_t>(), second.data<int32_t>()};
    launch(cuda(exec).compute, "router_top2_backward", token_per_warp(probs.dim(0)),
           router_top2_backward_kernel<T>, of, normalise, probs.dim(0), narrow<int>(probs.dim(1)));
  }
};

template struct RouterTop2Impl<Backend::cuda, float>;
template struct RouterTop2Impl<Backend::cuda, double>;

}  // namespace sy
