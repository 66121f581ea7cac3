// SPDX-License-Identifier: Apache-2.0
#include "lib/train/spike_guard.h"

#include <cmath>
#include <limits>

namespace sy {

SpikeGuard::SpikeGuard(const OptimizerSection& optimizer)
    : accepts_(optimizer.on_spike == SpikePolicy::accept),
      deviations_(optimizer.spike_deviations),
      window_(static_cast<size_t>(optimizer.spike_window)) {
  if (!accepts_) losses_.reserve(window_ + 1);
}

double SpikeGuard::limit_for(int64_t step) const {
  size_t end = losses_.size();
  while (end > 0 && losses_[end - 1].step > step - 2) --end;
  if (accepts_ || end < window_) return std::numeric_limits<double>::infinity();
  const auto count = static_cast<double>(window_);
  double mean = 0, square = 0;
  for (size_t i = end - window_; i < end; ++i) mean += losses_[i].loss / count;
  for (size_t i = end - window_; i < end; ++i) {
    square += (losses_[i].loss - mean) * (losses_[i].loss - mean) / count;
  }
  return mean + deviations_ * std::sqrt(square);
}

void SpikeGuard::note(StepLoss loss) {
  if (accepts_) return;
  if (losses_.size() > window_) losses_.erase(losses_.begin());
  losses_.push_back(loss);
}

void SpikeGuard::restore(const std::vector<StepLoss>& losses) {
  losses_.clear();
  for (const StepLoss& loss : losses) note(loss);
}

}  // namespace sy
