// SPDX-License-Identifier: Apache-2.0
// Adafactor's step size, shared by both backends.
#pragma once

#include <cmath>

#include "kernels/adafactor/adafactor.h"
#include "lib/base/host_device.h"

namespace sy {

// learning_rate * max(floor, RMS(value)) / max(1, RMS(update) / clip), from the sums of squares of
// `count` elements.
SY_HOST_DEVICE inline double adafactor_rate(const AdafactorStep& step, double value_squares,
                                            double update_squares, double count) {
  const double value_rms = std::sqrt(value_squares / count);
  const double clipped = std::sqrt(update_squares / count) / step.update_clip;
  const double size = value_rms > step.parameter_floor ? value_rms : step.parameter_floor;
  return step.learning_rate * size / (clipped > 1.0 ? clipped : 1.0);
}

}  // namespace sy
