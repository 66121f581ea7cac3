// SPDX-License-Identifier: Apache-2.0
#include "kernels/router/logits_by_gemm.h"

namespace sy {

template <class T>
struct RouterLogitsImpl<Backend::cpu, T> {
  static void forward(Exec& exec, Tensor logits, Tensor x, Tensor weight,
                      const RouterJitter& jitter) {
    copied_forward(exec, logits, x, weight, jitter);
  }

  static void backward(Exec& exec, Tensor d_x, Tensor d_weight, Tensor d_logits, Tensor x,
                       Tensor weight, const RouterJitter& jitter) {
    copied_backward(exec, d_x, d_weight, d_logits, x, weight, jitter);
  }
};

template struct RouterLogitsImpl<Backend::cpu, float>;
template struct RouterLogitsImpl<Backend::cpu, double>;
template struct RouterLogitsImpl<Backend::cpu, BFloat16>;

}  // namespace sy
