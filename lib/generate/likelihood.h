// SPDX-License-Identifier: Apache-2.0
// How likely a model finds targets that are given.
#pragma once

#include "lib/generate/generate.h"

namespace sy {

struct Likelihood {
  double log_likelihood = 0;        // of the whole target: the sum of log_probs
  bool greedy = true;               // each token is the most likely one; of equal ones, the lowest
  std::vector<double> log_probs{};  // of each id, given the prompt and those before it
};

// Those of targets[i] after prompts[i], none of which may be empty; `batch` prompts at a time. Ids
// below the vocabulary that the model's rows have; `start` is the decoder's first input. A target
// need not end with eos. Results do not depend on the batch, except for rounding in GEMMs.
std::vector<Likelihood> target_likelihoods(NextLogits& model, const Prompts& prompts,
                                           const Prompts& targets, int64_t batch, int32_t start);

}  // namespace sy
