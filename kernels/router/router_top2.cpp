// SPDX-License-Identifier: Apache-2.0
#include "kernels/router/router_top2.h"

#include "kernels/dispatch_dtype.h"

namespace sy {
namespace {

void check(Tensor probs, Tensor gate, Tensor expert, Tensor second) {
  SY_CHECK(probs.rank() == 2 && probs.dim(1) >= 2, "router_top2: probs {}", probs.shape().str());
  const Shape choices{probs.dim(0), 2};
  SY_CHECK(gate.shape() == choices && expert.shape() == choices && second.numel() == probs.dim(0),
           "router_top2: gate {}, expert {} and {} second choices of probs {}", gate.shape().str(),
           expert.shape().str(), second.numel(), probs.shape().str());
  SY_CHECK(gate.dtype() == probs.dtype(), "router_top2: gates {} of {}", name_of(gate.dtype()),
           name_of(probs.dtype()));
}

}  // namespace

void router_top2_forward(Exec& exec, Tensor gate, Tensor expert, Tensor second, Tensor probs,
                         Tensor first, const Top2Rule& rule, Tensor scores) {
  check(probs, gate, expert, second);
  SY_CHECK(scores.empty() || (scores.shape() == probs.shape() && scores.dtype() == probs.dtype()),
           "router_top2: scores {} of probs {}", scores.shape().str(), probs.shape().str());
  SY_CHECK(first.numel() == probs.dim(0), "router_top2: {} first choices of probs {}",
           first.numel(), probs.shape().str());
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::router);
  dispatch(exec, probs.dtype(), "router_top2", [&]<Backend B, class T>() {
    RouterTop2Impl<B, T>::forward(exec, gate, expert, second, probs, first, rule,
                                  scores.empty() ? probs : scores);
  });
}

void router_top2_backward(Exec& exec, Tensor d_logits, Tensor d_gate, Tensor probs, Tensor expert,
                          Tensor second, bool normalise) {
  check(probs, d_gate, expert, second);
  SY_CHECK(d_logits.shape() == probs.shape() && d_logits.dtype() == probs.dtype(),
           "router_top2: d_logits {} of probs {}", d_logits.shape().str(), probs.shape().str());
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::router);
  dispatch(exec, probs.dtype(), "router_top2", [&]<Backend B, class T>() {
    RouterTop2Impl<B, T>::backward(exec, d_logits, d_gate, probs, expert, second, normalise);
  });
}

}  // namespace sy
