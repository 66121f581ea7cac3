// SPDX-License-Identifier: Apache-2.0
#include "kernels/router/router_ntlb.h"

#include "kernels/dispatch_dtype.h"

namespace sy {

void router_ntlb(Exec& exec, Tensor gate, Tensor expert, Tensor fraction, Tensor probs,
                 Tensor scores, Tensor valid, int64_t k, int64_t capacity) {
  const int64_t tokens = valid.numel();
  SY_CHECK(probs.rank() == 2 && probs.dim(0) == tokens && scores.shape() == probs.shape() &&
               fraction.rank() == 2 && fraction.dim(0) > 0 && tokens % fraction.dim(0) == 0 &&
               fraction.dim(1) == probs.dim(1) && gate.numel() == tokens &&
               expert.numel() == tokens,
           "router_ntlb: probs {}, scores {}, fraction {}, {} gates, {} experts, {} valid",
           probs.shape().str(), scores.shape().str(), fraction.shape().str(), gate.numel(),
           expert.numel(), tokens);
  SY_CHECK(k >= 1 && k <= probs.dim(1) && capacity > 0,
           "router_ntlb: {} of {} experts, capacity {}", k, probs.dim(1), capacity);
  SY_CHECK(scores.dtype() == probs.dtype() && gate.dtype() == probs.dtype(),
           "router_ntlb: gates {} and scores {} of {}", name_of(gate.dtype()),
           name_of(scores.dtype()), name_of(probs.dtype()));
  ScratchScope scratch(exec);
  const Tensor order = scratch.take(DType::i32, {tokens, k}, "router order of experts");
  const Tensor taken = scratch.take(DType::i32, fraction.shape(), "router places taken");
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::router);
  dispatch(exec, probs.dtype(), "router_ntlb", [&]<Backend B, class T>() {
    RouterNtlbImpl<B, T>::run(exec, gate, expert, fraction, probs, scores, valid, order, taken,
                              capacity);
  });
}

}  // namespace sy
