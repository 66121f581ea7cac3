// SPDX-License-Identifier: Apache-2.0
#include "kernels/router/router_importance.h"

#include "kernels/dispatch_dtype.h"

namespace sy {
namespace {

void check(Tensor gate, Tensor sums, Tensor expert) {
  SY_CHECK(gate.rank() == 2 && expert.shape() == gate.shape() && sums.rank() == 2 &&
               sums.dim(0) > 0 && gate.dim(0) % sums.dim(0) == 0 && gate.dtype() == sums.dtype(),
           "router_importance: gate {}, expert {}, sums {}", gate.shape().str(),
           expert.shape().str(), sums.shape().str());
}

}  // namespace

void router_gate_sums(Exec& exec, Tensor sums, Tensor gate, Tensor expert) {
  check(gate, sums, expert);
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::router);
  dispatch(exec, gate.dtype(), "router_importance", [&]<Backend B, class T>() {
    RouterImportanceImpl<B, T>::sums(exec, sums, gate, expert);
  });
}

void router_gate_sums_backward(Exec& exec, Tensor d_gate, Tensor d_sums, Tensor expert,
                               double scale) {
  check(d_gate, d_sums, expert);
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::router);
  dispatch(exec, d_gate.dtype(), "router_importance", [&]<Backend B, class T>() {
    RouterImportanceImpl<B, T>::sums_backward(exec, d_gate, d_sums, expert, scale);
  });
}

void router_variation(Exec& exec, Tensor loss, Tensor d_sums, Tensor sums) {
  SY_CHECK(loss.numel() == 1 && sums.rank() == 2 && d_sums.shape() == sums.shape() &&
               loss.dtype() == sums.dtype() && d_sums.dtype() == sums.dtype(),
           "router_importance: loss {}, d_sums {}, sums {}", loss.shape().str(),
           d_sums.shape().str(), sums.shape().str());
  ScratchScope scratch(exec);
  const Tensor parts = exec.backend == Backend::cpu
                           ? Tensor{}
                           : scratch.take(DType::f64, {sums.dim(0)}, "router variation");
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::router);
  dispatch(exec, sums.dtype(), "router_importance", [&]<Backend B, class T>() {
    RouterImportanceImpl<B, T>::variation(exec, loss, d_sums, sums, parts);
  });
}

}  // namespace sy
