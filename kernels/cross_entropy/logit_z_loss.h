// SPDX-License-Identifier: Apache-2.0
// The z-loss of the output logits, coefficient * (log Z)^2 per row with Z = sum of e^logit
// (docs/math.md, "Loss"). It is part of the gradient, never of the cross-entropy.
#pragma once

#include <cmath>

#include "lib/base/host_device.h"
#include "lib/tensor/tensor.h"

namespace sy {

struct LogitZLoss {
  double coefficient = 0;
  Tensor squares = {};  // [rows], overwritten with (log Z)^2, 0 in padding rows; empty: not wanted
};

// The factor of the softmax in the gradient of a row, scale * (1 + 2 coefficient log Z), with Z =
// sum * e^largest. Without a z-loss it is exactly `scale`.
SY_HOST_DEVICE inline double softmax_scale(double scale, double coefficient, double sum,
                                           double largest) {
  if (coefficient == 0) return scale;
  return scale * (1 + 2 * coefficient * (std::log(sum) + largest));
}

// (log Z)^2.
SY_HOST_DEVICE inline double square_of_log_z(double sum, double largest) {
  const double log_z = std::log(sum) + largest;
  return log_z * log_z;
}

}  // namespace sy
