// SPDX-License-Identifier: Apache-2.0
// grad_clip's arithmetic, shared by both backends.
#pragma once

#include <cmath>

#include "kernels/find_nonfinite/find_nonfinite.h"
#include "kernels/grad_clip/grad_clip.h"

namespace sy {

SY_HOST_DEVICE inline void clip_gradient(double* scalars, const double* squares, int64_t count,
                                         double loss, double clip_norm, double loss_limit) {
  double sum = squares[0];
  for (int64_t i = 1; i < count; ++i) sum += squares[i];
  const double norm = sqrt(sum);
  const bool finite = is_finite(norm) && is_finite(loss);
  scalars[kGradientScale] = clip_norm > 0 && norm > clip_norm ? clip_norm / norm : 1.0;
  scalars[kApplyUpdate] = finite && loss <= loss_limit ? 1.0 : 0.0;
  scalars[kGradientNorm] = norm;
  scalars[kLoss] = loss;
}

}  // namespace sy
