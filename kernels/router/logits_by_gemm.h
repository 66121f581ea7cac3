// SPDX-License-Identifier: Apache-2.0
// The router's logits and gradients with gemm(), which reads a copy of the input if it is jittered
// or stored in bfloat16. Takes scratch while planning, as router_logits.h requires.
#pragma once

#include "kernels/gemm/gemm.h"
#include "kernels/router/router_jitter.h"
#include "kernels/router/router_logits.h"

namespace sy {

inline Tensor router_input(Exec& exec, ScratchScope& scratch, Tensor x,
                           const RouterJitter& jitter) {
  if (jitter.epsilon == 0 && x.dtype() != DType::bf16) return x;
  const Tensor input = scratch.take(compute_dtype(x.dtype()), x.shape(), "router input");
  router_jitter(exec, input, x, jitter.epsilon, jitter.key, jitter.first_row);
  return input;
}

inline void copied_forward(Exec& exec, Tensor logits, Tensor x, Tensor weight,
                           const RouterJitter& jitter) {
  ScratchScope scratch(exec);
  gemm(exec, logits, router_input(exec, scratch, x, jitter), weight);
}

inline void copied_backward(Exec& exec, Tensor d_x, Tensor d_weight, Tensor d_logits, Tensor x,
                            Tensor weight, const RouterJitter& jitter) {
  ScratchScope scratch(exec);
  gemm(exec, d_weight, router_input(exec, scratch, x, jitter), d_logits,
       {.transpose_a = true, .accumulate = true});
  const Tensor d_input =
      x.dtype() == weight.dtype() ? d_x : scratch.take(weight.dtype(), x.shape(), "router d_input");
  gemm(exec, d_input, d_logits, weight, {.transpose_b = true});
  if (jitter.epsilon == 0 && d_input.raw() == d_x.raw()) return;
  router_jitter(exec, d_x, d_input, jitter.epsilon, jitter.key, jitter.first_row);
}

}  // namespace sy
