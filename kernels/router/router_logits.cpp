// SPDX-License-Identifier: Apache-2.0
#include "kernels/router/router_logits.h"

#include "kernels/dispatch_dtype.h"
#include "kernels/router/logits_by_gemm.h"

namespace sy {
namespace {

void check(Tensor logits, Tensor x, Tensor weight) {
  SY_CHECK(x.rank() == 2 && weight.rank() == 2 && weight.dim(0) == x.dim(1) &&
               logits.shape() == Shape({x.dim(0), weight.dim(1)}),
           "router_logits: logits {} of x {} and weight {}", logits.shape().str(), x.shape().str(),
           weight.shape().str());
  SY_CHECK(weight.dtype() == compute_dtype(x.dtype()) && logits.dtype() == weight.dtype(),
           "router_logits: {} of {} and {}", name_of(logits.dtype()), name_of(x.dtype()),
           name_of(weight.dtype()));
}

bool is_copied_on_cuda(const Exec& exec, Tensor x, Tensor weight) {
  return exec.backend == Backend::cuda &&
         !router_logits_fused(x.dtype(), weight.dim(0), weight.dim(1));
}

}  // namespace

void router_logits_forward(Exec& exec, Tensor logits, Tensor x, Tensor weight,
                           const RouterJitter& jitter) {
  check(logits, x, weight);
  if (is_copied_on_cuda(exec, x, weight)) {
    return copied_forward(exec, logits, x, weight, jitter);
  }
  dispatch_activations(exec, x.dtype(), "router_logits", [&]<Backend B, class T>() {
    RouterLogitsImpl<B, T>::forward(exec, logits, x, weight, jitter);
  });
}

void router_logits_backward(Exec& exec, Tensor d_x, Tensor d_weight, Tensor d_logits, Tensor x,
                            Tensor weight, const RouterJitter& jitter) {
  check(d_logits, x, weight);
  SY_CHECK(d_x.shape() == x.shape() && d_x.dtype() == x.dtype() &&
               d_weight.shape() == weight.shape() && d_weight.dtype() == weight.dtype(),
           "router_logits: d_x {} of {}, d_weight {} of {}", d_x.shape().str(), x.shape().str(),
           d_weight.shape().str(), weight.shape().str());
  if (is_copied_on_cuda(exec, x, weight)) {
    return copied_backward(exec, d_x, d_weight, d_logits, x, weight, jitter);
  }
  dispatch_activations(exec, x.dtype(), "router_logits", [&]<Backend B, class T>() {
    RouterLogitsImpl<B, T>::backward(exec, d_x, d_weight, d_logits, x, weight, jitter);
  });
}

}  // namespace sy
