// SPDX-License-Identifier: Apache-2.0
// Loss on validation text, or on the validation examples of tasks, without dropout or jitter and
// with the evaluation capacity. The sequences of a text are the first eval_sequences / data.streams
// of each of its streams; where a stream has fewer, others give more. They are the same in every
// call and on every mesh, and no text is used twice. With data.corpora, each corpus that has
// validation shards is such a text; the examples of all tasks are one.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "lib/train/evaluation_text.h"
#include "lib/train/log/metrics.h"
#include "lib/train/session.h"

namespace sy {

struct Evaluation {
  double loss = 0;  // cross-entropy, nats a target token; of corpora, the mean of their losses
  int64_t sequences = 0;  // evaluated; train.eval_sequences a text, or fewer if it is shorter
  int64_t target_tokens = 0;
  double dropped_fraction = 0;
  double expert_load_max = 0;
  std::vector<RouterMetrics> router;
  std::vector<CorpusLoss> corpora;  // in the configuration's order; none if the text has no name
  std::vector<TaskScores> tasks;    // filled in by the trainer, on rank 0
  DataCounters counters;
};

class Evaluator {
 public:
  // Reads up to `sequences` examples from each corpus and keeps them; warns if there are fewer.
  // Collective. Throws DataError.
  Evaluator(Session& session, const std::vector<Corpus>& corpora, int64_t sequences);

  // Evaluates the current weights. Collective.
  Evaluation run();

 private:
  void accumulate(const EvaluationText& text);

  Session& session_;
  std::deque<EvaluationText> texts_;
};

}  // namespace sy
