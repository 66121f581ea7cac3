// SPDX-License-Identifier: Apache-2.0
// Learning rate schedules. rsqrt is that of T5 and the Switch Transformer; the others have a linear
// warm-up.
#pragma once

#include <cstdint>

#include "lib/config/run_config.h"

namespace sy {

// `step` is counted from 1. With r = optimizer.learning_rate and w = optimizer.warmup_steps:
//   rsqrt      r / sqrt(max(step, w))
//   constant   r min(1, step / w)
//   linear     warm-up, then r (total - step) / (total - w); 0 from total_steps on
//   cosine     warm-up, then r (1 + cos(pi (step - w) / (total - w))) / 2; 0 from total_steps on
double learning_rate(const OptimizerSection& optimizer, int64_t step, int64_t total_steps);

}  // namespace sy
