// SPDX-License-Identifier: Apache-2.0
// The expected loads of experts under the noise of the logits (Shazeer et al. 2017, appendix A,
// equations 8 to 10). With router_noise.h's H, eps and s = softplus(raw), a token goes to the k
// experts of the largest H. The probability that e is one of them if its noise alone is drawn
// again:
//   P_e = Phi((logit_e - T_e) / s_e) = Phi((H_e - T_e) / s_e - eps_e)
//   T_e = the k-th largest H of the other experts
//   Load_e = the sum of P_e over the valid tokens of a group
// With no more than k experts, P_e is 1.
#pragma once

#include "kernels/router/router_noise.h"

namespace sy {

// loads [groups, E] (overwritten). noisy (H) and raw [T, E]; valid int32 [T], 0 for padding; draw
// as for router_noise_forward. Float32 or float64.
void router_load_forward(Exec& exec, Tensor loads, Tensor noisy, Tensor raw, Tensor valid,
                         int64_t k, const NoiseDraw& draw);

// With d_loads [groups, E] times `scale` the gradient of the loads: adds that of H to d_noisy [T,
// E], through T_e too, and overwrites d_scale [T, E] with that of s at fixed H.
void router_load_backward(Exec& exec, Tensor d_noisy, Tensor d_scale, Tensor d_loads, Tensor noisy,
                          Tensor raw, Tensor valid, int64_t k, const NoiseDraw& draw, double scale);

// Phi and its derivative.
template <class T>
SY_HOST_DEVICE inline T normal_below(T z) {
  return T(0.5) * std::erfc(z * T(-0.7071067811865476));
}
template <class T>
SY_HOST_DEVICE inline T normal_density(T z) {
  return T(0.3989422804014327) * std::exp(T(-0.5) * z * z);
}

template <Backend, class T>
struct RouterLoadImpl {
  // Scratch, on CUDA only: chances [T, E], P.
  static void forward(Exec& exec, Tensor loads, Tensor noisy, Tensor raw, Tensor valid, int64_t k,
                      const NoiseDraw& draw, Tensor chances);
  static void backward(Exec& exec, Tensor d_noisy, Tensor d_scale, Tensor d_loads, Tensor noisy,
                       Tensor raw, Tensor valid, int64_t k, const NoiseDraw& draw, double scale);
};

}  // namespace sy
