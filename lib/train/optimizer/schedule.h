// Learning rate of a step. rsqrt is the Switch Transformer's and T5's; the others rise linearly
// over the warm-up.
#pragma once

#include <cstdint>

#include "lib/config/run_config.h"

namespace sy {

// `step` counts from 1. With r = optimizer.learning_rate and w = optimizer.warmup_steps:
//   rsqrt      r / sqrt(max(step, w))
//   constant   r min(1, step / w)
//   linear     the rise, then r (total - step) / (total - w): 0 at total_steps and after it
//   cosine     the rise, then r (1 + cos(pi (step - w) / (total - w))) / 2: 0 at total_steps and
//   after
double learning_rate(const OptimizerSection& optimizer, int64_t step, int64_t total_steps);

}  // namespace sy
