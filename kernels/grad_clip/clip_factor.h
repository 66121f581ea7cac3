// How an optimiser reads what grad_clip left.
#pragma once

#include "kernels/grad_clip/grad_clip.h"
#include "lib/base/host_device.h"

namespace sy {

// The gradient's factor; 0 where nothing may change. `clip` is null where nothing is clipped.
SY_HOST_DEVICE inline double clip_factor(const double* clip) {
  if (clip == nullptr) return 1.0;
  return clip[kApplyUpdate] != 0 ? clip[kGradientScale] : 0.0;
}

inline const double* clip_data(const Tensor& clip) {
  return clip.empty() ? nullptr : clip.data<double>();
}

}  // namespace sy
