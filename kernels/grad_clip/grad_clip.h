// SPDX-License-Identifier: Apache-2.0
// What the gradient of the whole model decides about an update: the global norm, the factor that
// scales it down to clip_norm, and whether the update is done at all. Computed on the device that
// holds the gradient, so the host does not wait within a step.
#pragma once

#include <limits>

#include "lib/base/host_device.h"
#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// Elements of a StepScalars tensor: float64 [kStepScalars] in the exec's memory.
enum StepScalar : int {
  kGradientScale,  // clip_norm / norm if clip_norm is not 0 and the norm exceeds it, else 1
  kApplyUpdate,    // 1; 0 if loss or norm is not finite or the loss too high: nothing may change
  kGradientNorm,   // square root of the sum of squares
  kLoss,           // loss * loss_scale
};
constexpr int kStepScalars = 4;

// scalars (overwritten) from squares [n], n >= 1, which together sum to the square of the whole
// gradient's norm and are added in order, and loss [1]. All are float64. A loss * loss_scale above
// loss_limit is too high.
void grad_clip(Exec& exec, Tensor scalars, Tensor squares, Tensor loss, double loss_scale,
               double clip_norm, double loss_limit = std::numeric_limits<double>::infinity());

// For optimisers: the factor of the gradient, or 0 if nothing may change. `clip` points to a
// StepScalars tensor's elements, or is null if gradients are not clipped.
SY_HOST_DEVICE inline double clip_factor(const double* clip) {
  if (clip == nullptr) return 1.0;
  return clip[kApplyUpdate] != 0 ? clip[kGradientScale] : 0.0;
}

inline const double* clip_data(const Tensor& clip) {
  return clip.empty() ? nullptr : clip.data<double>();
}

template <Backend>
struct GradClipImpl {
  static void run(Exec& exec, Tensor scalars, Tensor squares, Tensor loss, double loss_scale,
                  double clip_norm, double loss_limit);
};

}  // namespace sy
