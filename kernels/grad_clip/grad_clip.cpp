// SPDX-License-Identifier: Apache-2.0
#include "kernels/grad_clip/grad_clip.h"

#include "kernels/dispatch_dtype.h"

namespace sy {

void grad_clip(Exec& exec, Tensor scalars, Tensor squares, Tensor loss, double loss_scale,
               double clip_norm, double loss_limit) {
  SY_CHECK(scalars.dtype() == DType::f64 && scalars.numel() == kStepScalars &&
               squares.dtype() == DType::f64 && squares.numel() >= 1 &&
               loss.dtype() == DType::f64 && loss.numel() == 1,
           "grad_clip: scalars {}, squares {}, loss {}", scalars.shape().str(),
           squares.shape().str(), loss.shape().str());
  if (exec.planning) return;
  dispatch_backend(exec, "grad_clip", [&]<Backend B>() {
    GradClipImpl<B>::run(exec, scalars, squares, loss, loss_scale, clip_norm, loss_limit);
  });
}

}  // namespace sy
