// SPDX-License-Identifier: Apache-2.0
// Sampling from softmax(logits / temperature), or from its nucleus (Holtzman et al. 2020, "The
// curious case of neural text degeneration"). Each draw is a function of (seed, prompt, position)
// and does not depend on the batch.
#pragma once

#include "lib/generate/search.h"

namespace sy {

struct WeightedToken {
  int32_t id = 0;
  double weight = 0;  // proportional to its probability
};

// The candidate tokens. If top_p is 1, all of them, ordered by id. Otherwise the smallest set whose
// probabilities sum to at least top_p, at least one, most likely first and ties by lower id.
std::vector<WeightedToken> nucleus(std::span<const float> logits, double temperature, double top_p);

// The token selected by `uniform`, in [0, 1), in proportion to the weights.
int32_t draw(const std::vector<WeightedToken>& tokens, double uniform);

class Sampling : public OneSequence {
 public:
  Sampling(const GenerateOptions& options, int64_t prompt)
      : OneSequence(options), options_(options), prompt_(prompt) {}

 private:
  int32_t choose(std::span<const float> logits, int64_t position) override;

  GenerateOptions options_;
  int64_t prompt_;
};

}  // namespace sy
