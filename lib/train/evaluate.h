// Loss on the validation text: the first eval_sequences examples of the validation streams, without
// dropout and jitter and with the evaluation capacity. The same sequences in every evaluation and
// on every mesh.
#pragma once

#include <string>
#include <vector>

#include "lib/train/session.h"
#include "lib/train/step_batch.h"

namespace sy {

struct Evaluation {
  double loss = 0;  // cross-entropy, nats per target token
  int64_t sequences = 0;
  int64_t target_tokens = 0;
  double dropped_fraction = 0;
  double expert_load_max = 0;
  DataCounters counters;
};

class Evaluator {
 public:
  // Reads `sequences` examples from `shards` and keeps them. Throws DataError.
  Evaluator(Session& session, const std::vector<std::string>& shards, int64_t sequences);

  // Evaluates the current weights. Collective.
  Evaluation run();

 private:
  Session& session_;
  int64_t sequences_;
  StepBatch batch_;
  DataCounters counters_;
};

}  // namespace sy
