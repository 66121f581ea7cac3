// Where logits come from, and rows of them as a strategy reads them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace sy {

// Logits of the next token of some sequences. Ids from `usable` on are as if they were not in the
// vocabulary.
struct LogitRows {
  const float* data = nullptr;
  int64_t rows = 0;
  int64_t vocabulary = 0;  // distance of the rows
  int64_t usable = 0;

  std::span<const float> row(int64_t i) const {
    return {data + i * vocabulary, static_cast<size_t>(usable)};
  }
  LogitRows slice(int64_t begin, int64_t count) const {
    return {data + begin * vocabulary, count, vocabulary, usable};
  }
};

// The logarithm of the sum of exp(logits): a token's log-probability is its logit less that. Throws
// RuntimeFailure where logits are not finite.
double log_sum_exp(std::span<const float> logits);

// What generation asks of a model.
class NextLogits {
 public:
  NextLogits() = default;
  virtual ~NextLogits() = default;
  NextLogits(const NextLogits&) = delete;
  NextLogits& operator=(const NextLogits&) = delete;

  // One sequence a prompt, which is token ids, from here on.
  virtual void begin(std::span<const std::vector<int32_t>> prompts) = 0;
  // Sequence i goes on from what was sequence parents[i] with token ids[i]; at first the sequences
  // are the prompts' and the tokens pad. The logits hold until the next call.
  virtual LogitRows next(std::span<const int32_t> parents, std::span<const int32_t> ids) = 0;
};

}  // namespace sy
