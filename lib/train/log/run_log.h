// SPDX-License-Identifier: Apache-2.0
// All output of a run: metrics.jsonl, TensorBoard events, progress lines and the log.
#pragma once

#include <string>

#include "lib/data/batcher.h"
#include "lib/train/evaluate.h"
#include "lib/train/log/metrics.h"
#include "lib/train/log/progress.h"
#include "lib/train/log/tensorboard.h"

namespace sy {

class RunLog {
 public:
  // For rank 0 only. `resumed_step` is 0 for a new run. `peak_flops` is the peak GEMM rate of all
  // ranks together in FLOP/s, the denominator of MFU.
  RunLog(const std::string& folder, const Session& session, int64_t resumed_step,
         double peak_flops);

  void step_done(int64_t step) { progress_.step_done(step); }

  // Fills in neg_log_perplexity and mfu and writes the step, whose sequences had these lengths, to
  // all outputs.
  void train(TrainMetrics metrics, const StreamLengths& lengths);
  void evaluation(int64_t step, int64_t tokens, const Evaluation& evaluation, double seconds);

 private:
  MetricsWriter metrics_;
  TensorBoardWriter events_;
  Progress progress_;
  const ModelSection model_;
  const double sequences_;  // of a step
  double peak_flops_;
};

}  // namespace sy
