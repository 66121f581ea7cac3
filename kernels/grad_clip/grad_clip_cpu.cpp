// SPDX-License-Identifier: Apache-2.0
#include "kernels/grad_clip/grad_clip_rule.h"

namespace sy {

template <>
void GradClipImpl<Backend::cpu>::run(Exec&, Tensor scalars, Tensor squares, Tensor loss,
                                     double loss_scale, double clip_norm, double loss_limit) {
  clip_gradient(scalars.data<double>(), squares.data<double>(), squares.numel(),
                *loss.data<double>() * loss_scale, clip_norm, loss_limit);
}

}  // namespace sy
