// How a run shows itself: a plain line for each logged step, in the log too, and on a terminal a
// last line that is redrawn as steps pass.
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

// Lives on rank 0 alone; the trainer's thread calls it.
class Progress {
 public:
  // Steps first_step + 1 .. total_steps are to come. Under mpirun, which hands ranks a
  // pseudo-terminal wherever its own output goes, there is no live line.
  Progress(int64_t first_step, int64_t total_steps);
  ~Progress();  // wipes the live line

  // After every step: redraws the live line, a few times a second at most.
  void step_done(int64_t step);
  // After a logged step.
  void report(const TrainMetrics& metrics);

  // At the mean speed of the steps done here.
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
