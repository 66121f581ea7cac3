// Tokens drawn from softmax(logits / temperature), or from its nucleus (Holtzman et al. 2020, "The
// curious case of neural text degeneration"). The draw at a position of a prompt's target is a
// function of (seed, prompt, position), so it does not depend on the batch.
#pragma once

#include "lib/generate/search.h"

namespace sy {

struct WeightedToken {
  int32_t id = 0;
  double weight = 0;  // its probability, but for a factor
};

// The tokens to draw from: all in order of ids where top_p is 1; else the fewest whose share
// reaches top_p, the most likely first, of equal ones the lowest id. At least one.
std::vector<WeightedToken> nucleus(std::span<const float> logits, double temperature, double top_p);

// The token at `uniform`, in [0, 1), of the tokens' whole weight.
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
