// What the whole model's gradient decides about an update, worked out where the gradient lies, so
// that no host waits for it within a step: the global norm, the factor that brings it down to
// clip_norm, and whether the update is done at all.
#pragma once

#include "lib/base/host_device.h"
#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// Elements of a StepScalars tensor, float64 [kStepScalars] of the exec's memory.
enum StepScalar : int {
  kGradientScale,  // clip_norm / norm where the norm is above a clip_norm that is not 0, else 1
  kApplyUpdate,    // 1; 0 where loss or norm is not finite: nothing may change then
  kGradientNorm,   // square root of the sum of squares
  kLoss,           // loss * loss_scale
};
constexpr int kStepScalars = 4;

// scalars (overwritten) from squares [n], n >= 1, sums of squares that are the whole gradient's
// together and are added in their order, and loss [1]; all float64.
void grad_clip(Exec& exec, Tensor scalars, Tensor squares, Tensor loss, double loss_scale,
               double clip_norm);

// The gradient's factor; 0 where nothing may change. `clip` is null where nothing is clipped.
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
                  double clip_norm);
};

}  // namespace sy
