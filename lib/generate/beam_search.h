// SPDX-License-Identifier: Apache-2.0
// Beam search for one prompt, by the rules of Hugging Face's generate(). Of the 2 * beams best
// continuations of all beams, those that end are kept as targets if they rank among the first
// `beams`, and the best `beams` of the others continue. The search ends when the best beam could no
// longer enter the `beams` best targets if it ended now, when the maximum length is reached, or,
// with early_stopping, once there are `beams` targets. Ties go to the lower beam, then to the lower
// id.
#pragma once

#include "lib/generate/search.h"

namespace sy {

class BeamSearch : public Search {
 public:
  explicit BeamSearch(const GenerateOptions& options) : options_(options), beams_(1) {}

  std::vector<Continuation> advance(const LogitRows& logits) override;
  Generated result() const override { return finished_.front(); }

 private:
  struct Beam {
    std::vector<int32_t> ids;
    double score = 0;                    // log-probability
    std::vector<double> log_probs = {};  // of each id; they add up to score
  };
  struct Candidate {
    double score = 0;
    int32_t beam = 0, id = 0;
  };

  std::vector<Candidate> best_candidates(const LogitRows& logits) const;
  Beam continued(const Candidate& candidate) const;
  double penalised(double score) const;  // score of a target of the current length
  void finish(const Candidate& candidate);
  bool is_over(double best_score) const;

  GenerateOptions options_;
  std::vector<Beam> beams_;          // best first
  std::vector<Generated> finished_;  // best first, at most options_.beams
  int64_t length_ = 0;               // tokens per beam
};

}  // namespace sy
