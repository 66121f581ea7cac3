// SPDX-License-Identifier: Apache-2.0
#include "kernels/router/router_bias.h"

#include "kernels/dispatch_dtype.h"

namespace sy {

void router_bias_scores(Exec& exec, Tensor scores, Tensor logits, Tensor bias) {
  SY_CHECK(logits.rank() == 2 && scores.shape() == logits.shape() &&
               bias.numel() == logits.dim(1) && scores.dtype() == logits.dtype() &&
               bias.dtype() == logits.dtype(),
           "router_bias: scores {} of logits {} and {} biases", scores.shape().str(),
           logits.shape().str(), bias.numel());
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::router);
  dispatch(exec, logits.dtype(), "router_bias",
           [&]<Backend B, class T>() { RouterBiasImpl<B, T>::scores(exec, scores, logits, bias); });
}

void router_bias_update(Exec& exec, Tensor bias, Tensor counts, Tensor apply, double rate) {
  SY_CHECK(bias.rank() == 1 && counts.rank() == 1 && counts.numel() >= bias.numel() &&
               apply.numel() == 1 && rate > 0,
           "router_bias: {} biases, {} counts, rate {}", bias.numel(), counts.numel(), rate);
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::router);
  dispatch(exec, bias.dtype(), "router_bias", [&]<Backend B, class T>() {
    RouterBiasImpl<B, T>::update(exec, bias, counts, apply, rate);
  });
}

}  // namespace sy
