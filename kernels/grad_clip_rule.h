// The arithmetic of grad_clip, the same on both backends.
#pragma once

#include <cmath>

#include "kernels/grad_clip.h"
#include "lib/base/host_device.h"

namespace sy {

SY_HOST_DEVICE inline void clip_gradient(double* scalars, const double* squares, double loss,
                                         double clip_norm) {
  const double norm = sqrt(squares[0] + squares[1]);
  // x - x is 0 for a finite x and NaN for every other.
  const bool finite = norm - norm == 0 && loss - loss == 0;
  scalars[kGradientScale] = clip_norm > 0 && norm > clip_norm ? clip_norm / norm : 1.0;
  scalars[kApplyUpdate] = finite ? 1.0 : 0.0;
  scalars[kGradientNorm] = norm;
  scalars[kLoss] = loss;
}

}  // namespace sy
