// SPDX-License-Identifier: Apache-2.0
// Recognises a loss that leaps up (optimizer.on_spike), by the losses of the steps before it.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/config/run_config.h"

namespace sy {

// Of a step whose update was applied.
struct StepLoss {
  int64_t step = 0;
  double loss = 0;
};

class SpikeGuard {
 public:
  explicit SpikeGuard(const OptimizerSection& optimizer);

  // The highest loss with which step `step` is applied: the mean of the last spike_window losses,
  // and spike_deviations standard deviations. Only losses up to step - 2 count: a GPU is given a
  // step before the results of the one before are read, and every backend decides alike. Infinite
  // if there are fewer losses yet, or if every step is accepted.
  double limit_for(int64_t step) const;

  // Step numbers increase. Takes no memory.
  void note(StepLoss loss);

  // The losses that later limits depend on, oldest first: part of a checkpoint.
  const std::vector<StepLoss>& losses() const { return losses_; }
  void restore(const std::vector<StepLoss>& losses);

 private:
  bool accepts_;
  double deviations_;
  size_t window_;
  std::vector<StepLoss>
      losses_;  // the newest, one more than the window, as a limit may leave it out
};

}  // namespace sy
