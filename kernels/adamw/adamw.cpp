// SPDX-License-Identifier: Apache-2.0
#include "kernels/adamw/adamw.h"

#include "kernels/dispatch_dtype.h"

namespace sy {

void adamw(Exec& exec, Tensor value, Tensor first, Tensor second, Tensor grad,
           const AdamWStep& step, Tensor rounded) {
  SY_CHECK(first.numel() == value.numel() && second.numel() == value.numel() &&
               grad.numel() == value.numel() &&
               (rounded.empty() || rounded.numel() == value.numel()) && step.step >= 1,
           "adamw: value {}, first {}, second {}, grad {}, step {}", value.shape().str(),
           first.shape().str(), second.shape().str(), grad.shape().str(), step.step);
  if (exec.planning) return;
  dispatch(exec, value.dtype(), "adamw", [&]<Backend B, class T>() {
    AdamWImpl<B, T>::run(exec, value, first, second, grad, step, rounded);
  });
}

}  // namespace sy
