// SPDX-License-Identifier: Apache-2.0
#include "lib/train/optimizer/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "lib/base/error.h"

namespace sy {
namespace {

// Progress of the decay, from 0 at the end of the warm-up to 1 at the last step.
double fallen(int64_t step, int64_t warmup, int64_t total) {
  if (step >= total) return 1.0;
  return static_cast<double>(step - warmup) / static_cast<double>(total - warmup);
}

// Fraction of the peak rate, in [0, 1].
double shape(ScheduleName schedule, int64_t step, int64_t warmup, int64_t total) {
  if (step < warmup) return static_cast<double>(step) / static_cast<double>(warmup);
  switch (schedule) {
    case ScheduleName::linear:
      return 1.0 - fallen(step, warmup, total);
    case ScheduleName::cosine:
      return 0.5 * (1.0 + std::cos(std::numbers::pi * fallen(step, warmup, total)));
    default:
      return 1.0;
  }
}

}  // namespace

double learning_rate(const OptimizerSection& optimizer, int64_t step, int64_t total_steps) {
  SY_CHECK(step >= 1, "step {} has no learning rate; steps count from 1", step);
  const int64_t warmup = optimizer.warmup_steps;
  if (optimizer.schedule == ScheduleName::rsqrt) {
    return optimizer.learning_rate / std::sqrt(static_cast<double>(std::max(step, warmup)));
  }
  return optimizer.learning_rate * shape(optimizer.schedule, step, warmup, total_steps);
}

}  // namespace sy
