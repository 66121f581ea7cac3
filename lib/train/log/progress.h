// SPDX-License-Identifier: Apache-2.0
// Progress output: one line per logged step, also in the log, and on a terminal a live line that is
// redrawn as steps complete.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "lib/train/log/metrics.h"

namespace sy {

// "1h05m", "4m10s", "7s".
std::string duration_text(double seconds);

// "step 120/300  loss 5.1234  lr 0.0316  grad 0.83  3.2k tok/s  dropped 1.2%  left 4m10s".
std::string progress_text(const TrainMetrics& metrics, int64_t total_steps, double seconds_left);

// For rank 0 only, on the thread of the trainer.
class Progress {
 public:
  // Steps first_step + 1 .. total_steps are to be run. Under mpirun there is no live line: ranks
  // are given a pseudo-terminal even when the output goes to a file.
  Progress(int64_t first_step, int64_t total_steps);
  ~Progress();  // erases the live line

  // To be called after every step. Redraws the live line, at most a few times per second.
  void step_done(int64_t step);
  // To be called after every logged step.
  void report(const TrainMetrics& metrics);

  // Estimated from the mean duration of the steps run so far by this process.
  double seconds_left(int64_t step) const;

 private:
  using Clock = std::chrono::steady_clock;
  void wipe();

  int64_t first_step_, total_steps_;
  bool live_;
  bool drawn_ = false;
  double loss_ = 0;
  bool has_loss_ = false;
  Clock::time_point begin_, last_drawn_;
};

}  // namespace sy
