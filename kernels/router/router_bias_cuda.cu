// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "kernels/cuda/launch.h"
#include "kernels/cuda/reduce.h"
#include "kernels/router/router_bias.h"
#include "lib/base/numeric.h"
#include "lib/tensor/cuda/cuda_context.h"

namespace sy {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / kWarp;

// One token per warp. Traffic: reads logits once from memory (the minimum), writes scores once.
template <class T>
__global__ void router_bias_scores_kernel(T* scores, const T* logits, const T* bias, int64_t tokens,
                                          int experts) {
  const int64_t t = int64_t{blockIdx.x} * kWarps + warp_id();
  if (t >= tokens) return;
  const T* h = logits + t * experts;
  T largest = h[0];
  for (int e = lane_id(); e < experts; e += kWarp) largest = h[e] > largest ? h[e] : largest;
  largest = warp_max(largest);
  T total = 0;
  for (int e = lane_id(); e < experts; e += kWarp) total += std::exp(h[e] - largest);
  const T inverse = T(1) / warp_sum(total);
  T* score = scores + t * experts;
  for (int e = lane_id(); e < experts; e += kWarp) {
    score[e] = std::exp(h[e] - largest) * inverse + bias[e];
  }
}

// One warp, whose work is little beside a step. Sums of integers, so that every rank has the same.
template <class T>
__global__ void router_bias_update_kernel(T* bias, const int32_t* counts, const double* apply,
                                          double rate, int experts) {
  if (*apply == 0) return;
  int64_t total = 0, signs = 0;
  for (int e = lane_id(); e < experts; e += kWarp) total += counts[e];
  total = warp_sum(total);
  for (int e = lane_id(); e < experts; e += kWarp) signs += load_sign(counts[e], total, experts);
  signs = warp_sum(signs);
  for (int e = lane_id(); e < experts; e += kWarp) {
    const int sign = load_sign(counts[e], total, experts);
    bias[e] += static_cast<T>(bias_change(sign, signs, experts, rate));
  }
}

}  // namespace

template <class T>
struct RouterBiasImpl<Backend::cuda, T> {
  static void scores(Exec& exec, Tensor scores, Tensor logits, Tensor bias) {
    const int64_t tokens = logits.dim(0);
    launch(cuda(exec).compute, "router_bias_scores",
           {.grid = narrow<unsigned>(ceil_div(tokens, int64_t{kWarps})), .block = kThreads},
           router_bias_scores_kernel<T>, scores.data<T>(), logits.data<T>(), bias.data<T>(), tokens,
           narrow<int>(logits.dim(1)));
  }

  static void update(Exec& exec, Tensor bias, Tensor counts, Tensor apply, double rate) {
    launch(cuda(exec).compute, "router_bias_update", {.grid = 1, .block = kWarp},
           router_bias_update_kernel<T>, bias.data<T>(), counts.data<int32_t>(),
           apply.data<double>(), rate, narrow<int>(bias.numel()));
  }
};

template struct RouterBiasImpl<Backend::cuda, float>;
template struct RouterBiasImpl<Backend::cuda, double>;

}  // namespace sy
