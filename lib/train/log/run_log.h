// What rank 0 tells of a run: metrics.jsonl, TensorBoard events, the progress line and the log.
#pragma once

#include <string>

#include "lib/train/evaluate.h"
#include "lib/train/log/metrics.h"
#include "lib/train/log/progress.h"
#include "lib/train/log/tensorboard.h"

namespace sy {

class RunLog {
 public:
  // Lives on rank 0 alone. `resumed_step` 0: the run begins. `peak_flops` is the machine's matrix
  // rate, all ranks together: the denominator of MFU.
  RunLog(const std::string& folder, const Session& session, int64_t resumed_step,
         double peak_flops);

  void step_done(int64_t step) { progress_.step_done(step); }

  // Completes neg_log_perplexity and mfu and writes the step everywhere.
  void train(TrainMetrics metrics);
  void evaluation(int64_t step, int64_t tokens, const Evaluation& evaluation, double seconds);

 private:
  MetricsWriter metrics_;
  TensorBoardWriter events_;
  Progress progress_;
  double step_flops_;  // of one step's matrix products, by formula
  double peak_flops_;
};

}  // namespace sy
