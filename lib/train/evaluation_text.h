// SPDX-License-Identifier: Apache-2.0
// The sequences of a validation text that evaluations use.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/data/corpora.h"
#include "lib/train/session.h"
#include "lib/train/step_batch.h"

namespace sy {

class EvaluationText {
 public:
  // Reads up to `sequences` examples of the corpus and keeps them; warns if there are fewer. Its
  // name has no part in them. Collective. Throws DataError.
  EvaluationText(Session& session, Corpus corpus, int64_t sequences);

  const std::string& name() const { return corpus_.name; }
  const StepBatch& batch() const { return batch_; }  // of this rank
  int64_t first_sequence() const;                    // of this rank, among all
  int64_t found() const { return found_; }           // sequences, over all ranks
  const DataCounters& counters() const { return counters_; }

 private:
  std::vector<Example> read(const LoaderPlace& place);
  std::vector<Example> read_all(const LoaderPlace& place);
  Loader open(const LoaderPlace& place) const;
  std::string described() const;

  Session& session_;
  Corpus corpus_;
  int64_t sequences_;  // asked for
  int64_t found_ = 0;
  StepBatch batch_;
  DataCounters counters_;
};

}  // namespace sy
