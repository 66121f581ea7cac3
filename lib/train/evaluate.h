// SPDX-License-Identifier: Apache-2.0
// Loss on validation text, or on the validation examples of tasks, without dropout or jitter and
// with the evaluation capacity. The sequences are the first eval_sequences / data.streams of each
// validation stream; where a stream has fewer, others give more. They are the same in every call
// and on every mesh, and no text is used twice.
#pragma once

#include <string>
#include <vector>

#include "lib/train/log/metrics.h"
#include "lib/train/session.h"
#include "lib/train/step_batch.h"

namespace sy {

struct Evaluation {
  double loss = 0;        // cross-entropy, nats a target token
  int64_t sequences = 0;  // evaluated; train.eval_sequences, or fewer if the text is shorter
  int64_t target_tokens = 0;
  double dropped_fraction = 0;
  double expert_load_max = 0;
  std::vector<RouterMetrics> router;
  std::vector<TaskScores> tasks;  // filled in by the trainer, on rank 0
  DataCounters counters;
};

class Evaluator {
 public:
  // Reads up to `sequences` examples from `shards` (data.tasks: from the tasks instead) and keeps
  // them; warns if there are fewer. Collective. Throws DataError.
  Evaluator(Session& session, const std::vector<std::string>& shards, int64_t sequences);

  // Evaluates the current weights. Collective.
  Evaluation run();

 private:
  std::vector<Example> read(const std::vector<std::string>& shards, const LoaderPlace& place);
  std::vector<Example> read_all(const std::vector<std::string>& shards, const LoaderPlace& place);

  Session& session_;
  int64_t sequences_;  // asked for
  int64_t found_ = 0;  // over all ranks
  StepBatch batch_;
  DataCounters counters_;
};

}  // namespace sy
