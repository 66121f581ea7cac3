// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/device.h"
#include "kernels/cuda/launch.h"
#include "kernels/grad_clip/grad_clip_rule.h"
#include "lib/tensor/cuda/cuda_context.h"

namespace sy {
namespace {

__global__ void grad_clip_kernel(double* scalars, const double* squares, int64_t count,
                                 const double* loss, double loss_scale, double clip_norm,
                                 double loss_limit) {
  clip_gradient(scalars, squares, count, *loss * loss_scale, clip_norm, loss_limit);
}

}  // namespace

template <>
void GradClipImpl<Backend::cuda>::run(Exec& exec, Tensor scalars, Tensor squares, Tensor loss,
                                      double loss_scale, double clip_norm, double loss_limit) {
  launch(cuda(exec).compute, "grad_clip", {}, grad_clip_kernel, scalars.data<double>(),
         squares.data<double>(), squares.numel(), loss.data<double>(), loss_scale, clip_norm,
         loss_limit);
}

}  // namespace sy
